#!/usr/bin/python3
"""The works of `nodulescope bench --series DIR` as one would write them with pydicom, NumPy and SciPy.

usage: pydicom_series.py DIR [X,Y,Z ...]     positions in LPS mm
       pydicom_series.py --make SLICES DIR OUT [CODEC]    writes a longer series made of the images of DIR,
                                                     compressed by gdcmconv where CODEC is j2k, jpegls or jpeg
Needs Debian's python3-pydicom, python3-numpy and python3-scipy, for compressed series python3-gdcm, to make them
libgdcm-tools. Prints one JSON object: "peer" says
what ran, "ms" maps each work to the median of three runs (or of
PEER_RUNS, as the environment says), "cpu" to that of processor time, "mib" how far it raised the peak of the
process's memory, "hu" the mean of each cube, which must be that of nodulescope.
"""
import glob
import json
import os
import resource
import statistics
import subprocess
import sys
import time

import numpy
import pydicom
import scipy
from scipy.ndimage import map_coordinates

try:
    import gdcm
    CODECS = ", GDCM " + gdcm.Version.GetVersion()
except ImportError:  # uncompressed series need none
    CODECS = ""

RUNS = int(os.environ.get("PEER_RUNS", "3"))


def files(folder):
    return glob.glob(folder + "/**/*.dcm", recursive=True)


def normal(d):
    row, col = numpy.array(d.ImageOrientationPatient, float).reshape(2, 3)
    return numpy.cross(row, col)


def headers(folder, **how):
    images = [pydicom.dcmread(p, **how) for p in files(folder)]
    return sorted(images, key=lambda d: float(numpy.dot(d.ImagePositionPatient, normal(d))))


def hu(d):
    stored = d.pixel_array.astype(numpy.float64)
    return (stored * float(d.RescaleSlope) + float(d.RescaleIntercept)).astype(numpy.float32)


def volume(folder):
    return numpy.stack([hu(d) for d in headers(folder)])


def one_by_one(folder):
    for d in headers(folder, stop_before_pixels=True):
        hu(pydicom.dcmread(d.filename))


def grid(images):
    """Voxel index z, y, x to LPS: origin and matrix."""
    first, last = images[0], images[-1]
    row, col = numpy.array(first.ImageOrientationPatient, float).reshape(2, 3)
    origin, end = numpy.array(first.ImagePositionPatient, float), numpy.array(last.ImagePositionPatient, float)
    dy, dx = (float(v) for v in first.PixelSpacing)
    return origin, numpy.stack([(end - origin) / (len(images) - 1), col * dy, row * dx], axis=1)


def cube_points(position):
    steps = numpy.arange(32) - 15.5
    z, y, x = numpy.meshgrid(steps, steps, steps, indexing="ij")
    return numpy.stack([x.ravel(), y.ravel(), z.ravel()]) + numpy.array(position)[:, None]


def cubes(folder, positions, lazy):
    """Three cubes of 32 mm: of the whole volume, or of no more slices than they need."""
    images = headers(folder, stop_before_pixels=lazy)
    origin, matrix = grid(images)
    at = [numpy.linalg.solve(matrix, cube_points(p) - origin[:, None]) for p in positions]
    if not lazy:
        v = numpy.stack([hu(d) for d in images])
        return [map_coordinates(v, i, order=1) for i in at]
    held, out = {}, []
    for i in at:
        low, high = max(0, int(i[0].min())), min(len(images) - 1, int(i[0].max()) + 1)
        for k in range(low, high + 1):
            if k not in held:
                held[k] = hu(pydicom.dcmread(images[k].filename))
        v = numpy.stack([held[k] for k in range(low, high + 1)])
        out.append(map_coordinates(v, i - numpy.array([[low], [0], [0]]), order=1))
    return out


def median(run):
    """Milliseconds of a work, and of processor time in it."""
    times, processor = [], []
    for _ in range(RUNS):
        start, busy = time.perf_counter(), time.process_time()
        run()
        times.append((time.perf_counter() - start) * 1e3)
        processor.append((time.process_time() - busy) * 1e3)
    return statistics.median(times), statistics.median(processor)


def peak(run):
    """How far run raises the peak of a process of its own, in MiB."""
    read, write = os.pipe()
    if os.fork() == 0:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        run()
        os.write(write, str((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024).encode())
        os._exit(0)
    os.close(write)
    answer = os.read(read, 100)
    os.wait()
    return float(answer)


def make(slices, folder, out, codec=None):
    os.makedirs(out)
    images = headers(folder)
    step = normal(images[0]) * 1.25
    for i in range(slices):
        d = images[i % len(images)]
        d.ImagePositionPatient = [round(float(v), 4) for v in step * i]
        d.SOPInstanceUID = d.file_meta.MediaStorageSOPInstanceUID = "2.25.%d" % (10**30 + i)
        d.SeriesInstanceUID, d.InstanceNumber = "2.25.%d" % 10**30, i + 1
        path = "%s/%04d.dcm" % (out, i)
        d.save_as(path)
        if codec:
            subprocess.run(["gdcmconv", "--" + codec, path, path + ".packed"], check=True)
            os.replace(path + ".packed", path)


if __name__ == "__main__":
    if len(sys.argv) in (5, 6) and sys.argv[1] == "--make":
        make(int(sys.argv[2]), *sys.argv[3:])
        sys.exit()
    folder, positions = sys.argv[1], [[float(v) for v in a.split(",")] for a in sys.argv[2:]]
    works = {
        "headers": median(lambda: headers(folder, stop_before_pixels=True)),
        "cubes": median(lambda: cubes(folder, positions, False)),
        "cubes, slices needed": median(lambda: cubes(folder, positions, True)),
        "series to HU": median(lambda: volume(folder)),
    }
    print(json.dumps({
        "mib": {"series to HU": peak(lambda: volume(folder)), "series to HU, slice by slice": peak(lambda: one_by_one(folder))},
        "ms": {name: ms for name, (ms, _) in works.items()},
        "cpu": {name: ms for name, (_, ms) in works.items()},
        "hu": [float(c.mean()) for c in cubes(folder, positions, True)],
        "peer": f"pydicom {pydicom.__version__}, NumPy {numpy.__version__}, SciPy {scipy.__version__}{CODECS}",
    }))
