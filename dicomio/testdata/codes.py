#!/usr/bin/python3
"""Compresses slices of a CT series in several ways and tells what pydicom with GDCM, or OpenJPEG, needs to decode one.

usage: codes.py SERIES OUT [SLICES]

Then NODULESCOPE_CODES=OUT go test ./dicomio -run '^$' -bench Codes tells what Nodulescope needs. Both tell processor time
per slice, so that they can be compared on a machine that does other things.
"""
import glob
import os
import resource
import statistics
import subprocess
import sys
import time

import pydicom

SYNTAXES = {
    "jpeg-ls": ["gdcmconv", "--jpegls"],
    "jpeg-2000": ["gdcmconv", "--j2k"],
    "jpeg-lossless": ["gdcmconv", "--jpeg"],
}


def htj2k(source, target):
    """HTJ2K of unsigned pixels, which is all that ojph_compress reads; its image comes back for OpenJPEG."""
    d = pydicom.dcmread(source)
    px = (d.pixel_array.astype("i4") + 32768).astype("u2")
    with open(target + ".pgm", "wb") as f:
        f.write(b"P5\n%d %d\n65535\n" % (d.Columns, d.Rows) + px.astype(">u2").tobytes())
    subprocess.run(["ojph_compress", "-i", target + ".pgm", "-o", target + ".j2c", "-reversible", "true"],
                   check=True, stdout=subprocess.DEVNULL)
    os.replace(target + ".j2c", target + ".jhc")
    os.remove(target + ".pgm")
    with open(target + ".jhc", "rb") as f:
        code = f.read()
    d.PixelRepresentation, d.BitsStored, d.HighBit = 0, 16, 15
    d.RescaleIntercept = float(d.RescaleIntercept) - 32768
    for tag in ("PixelPaddingValue", "SmallestImagePixelValue", "LargestImagePixelValue"):
        if tag in d:
            del d[tag]
    d.file_meta.TransferSyntaxUID = pydicom.uid.JPEG2000Lossless  # pydicom 2.3 knows none of HTJ2K
    d.PixelData = pydicom.encaps.encapsulate([code + b"\0" * (len(code) % 2)])
    d["PixelData"].is_undefined_length = True
    d["PixelData"].VR = "OB"
    d.is_implicit_VR, d.is_little_endian = False, True
    d.save_as(target)


def report(name, times):
    print(f"{name}: median {1e3 * statistics.median(times):.1f}, least {1e3 * min(times):.1f} ms/slice")


def main(series, out, slices=12):
    files = sorted(f for f in glob.glob(series + "/**", recursive=True) if os.path.isfile(f))
    middle = max(0, len(files) // 2 - slices // 2)
    files = files[middle:middle + slices]
    for name, command in SYNTAXES.items():
        os.makedirs(f"{out}/{name}", exist_ok=True)
        times = []
        for i, f in enumerate(files):
            subprocess.run([*command, f, f"{out}/{name}/{i}.dcm"], check=True)
            d = pydicom.dcmread(f"{out}/{name}/{i}.dcm")
            for _ in range(5):
                d._pixel_array = d._pixel_id = None
                start = time.process_time()
                d.convert_pixel_data("gdcm")
                times.append(time.process_time() - start)
        report(f"pydicom and GDCM, {name}", times)
    os.makedirs(f"{out}/htj2k", exist_ok=True)
    times = []
    for i, f in enumerate(files):
        target = f"{out}/htj2k/{i}.dcm"
        htj2k(f, target)
        for _ in range(5):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run(["opj_decompress", "-i", target + ".jhc", "-o", target + ".rawl"], check=True,
                           stdout=subprocess.DEVNULL)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        os.remove(target + ".jhc")
        os.remove(target + ".rawl")
    report("opj_decompress, htj2k", times)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:4]))
