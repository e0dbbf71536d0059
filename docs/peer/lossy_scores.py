#!/usr/bin/python3
"""What compression with loss does to the scores of a CT series.

usage: lossy_scores.py NODULESCOPE SERIES NODULES OUT

Writes SERIES compressed about 5:1, 10:1 and 20:1 (bytes of 16-bit pixels to bytes of code) below OUT, as JPEG 2000 of the
9/7 wavelet (opj_compress of OpenJPEG) and as near-lossless JPEG-LS (dcmcjpls of dcmtk), and prints a line of a table
for every nodule and compression: ratio, NEAR of JPEG-LS, then what `nodulescope score` says. Needs Debian's libopenjp2-tools,
dcmtk and python3-pydicom.
"""
import glob
import json
import os
import subprocess
import sys
from array import array
from concurrent.futures import ThreadPoolExecutor

import pydicom
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000

RATIOS = (5, 10, 20)
OFFSET = 4096


def jpeg2000(d, ratio, scratch):
    """The code of one slice, of a quality that gives the ratio."""
    with open(scratch + ".rawl", "wb") as f:
        f.write(d.PixelData[: 2 * d.Rows * d.Columns])
    shape = f"{d.Columns},{d.Rows},1,{d.BitsStored},{'us'[d.PixelRepresentation]}"
    subprocess.run(["opj_compress", "-i", scratch + ".rawl", "-o", scratch + ".j2k", "-F", shape, "-I", "-r", str(ratio)],
                   check=True, stdout=subprocess.DEVNULL)
    with open(scratch + ".j2k", "rb") as f:
        return f.read()


def unsigned(path, out):
    """The same HU of unsigned pixels: dcmtk takes no others."""
    d = pydicom.dcmread(path)
    if d.PixelRepresentation == 1:
        px = array("h", d.PixelData)
        d.PixelData = array("H", (v + OFFSET for v in px)).tobytes()
        d.PixelRepresentation, d.RescaleIntercept = 0, float(d.RescaleIntercept) - OFFSET * float(d.RescaleSlope)
        for name in ("PixelPaddingValue", "SmallestImagePixelValue", "LargestImagePixelValue"):
            if name in d:
                delattr(d, name)
    d.save_as(out)


def jpeg_ls(path, near, scratch):
    unsigned(path, scratch + ".plain.dcm")
    path = scratch + ".plain.dcm"
    subprocess.run(["dcmcjpls", "+en", "+md", str(near), path, scratch + ".dcm"], check=True, stderr=subprocess.DEVNULL)
    return pydicom.dcmread(scratch + ".dcm").PixelData


def near_of(path, ratio, scratch):
    """The NEAR whose code of a slice is closest to the ratio."""
    d = pydicom.dcmread(path)
    size = 2 * d.Rows * d.Columns
    low, high = 1, 255
    while low < high:
        middle = (low + high) // 2
        if size / len(jpeg_ls(path, middle, scratch)) < ratio:
            low = middle + 1
        else:
            high = middle
    return low


def compress(files, method, ratio, folder):
    os.makedirs(folder, exist_ok=True)
    near = near_of(files[len(files) // 2], ratio, folder + "/scratch") if method == "JPEG-LS" else 0

    def one(i):
        d = pydicom.dcmread(files[i])
        raw, out, scratch = 2 * d.Rows * d.Columns, f"{folder}/{i:04}.dcm", f"{folder}/scratch{i}"
        if near:
            code = jpeg_ls(files[i], near, scratch)
            c = pydicom.dcmread(scratch + ".dcm")
            c.SOPInstanceUID = c.file_meta.MediaStorageSOPInstanceUID = d.SOPInstanceUID
            c.save_as(out)
            return raw, len(code)
        code = jpeg2000(d, ratio, scratch)
        d.file_meta.TransferSyntaxUID = JPEG2000
        d.is_implicit_VR, d.is_little_endian = False, True
        d.LossyImageCompression, d.LossyImageCompressionMethod = "01", "ISO_15444_1"
        d.LossyImageCompressionRatio = f"{raw / len(code):.2f}"
        d.PixelData = encapsulate([code + b"\0" * (len(code) % 2)])
        d["PixelData"].VR, d["PixelData"].is_undefined_length = "OB", True
        d.save_as(out)
        return raw, len(code)

    with ThreadPoolExecutor(4) as pool:
        sizes = list(pool.map(one, range(len(files))))
    for name in glob.glob(folder + "/scratch*"):
        os.remove(name)
    return sum(raw for raw, _ in sizes) / sum(code for _, code in sizes), near


def score(program, folder, nodules):
    run = subprocess.run([program, "score", folder, "--nodules", nodules, "--json"], stdout=subprocess.PIPE, check=False)
    return json.loads(run.stdout)


def line(name, ratio, near, n):
    h, o = n.get("headline") or {}, n.get("outline") or {}
    vae = next((s for s in n.get("scores", []) if s["model"].startswith("vae-ad")), {})
    keep = {"p": h.get("probability"), "rank": h.get("percentile"), "volume": (o.get("measurements") or {}).get("volume_mm3"), "raw": vae.get("raw"),
            "vae": vae.get("probability")}
    print(f"| {name} | {ratio:.1f} | {near or ''} | {n['id']} | {json.dumps(keep)} | {n.get('error') or ''} |", flush=True)


def main(program, series, nodules, out):
    files = glob.glob(series + "/**/*.dcm", recursive=True)
    files.sort(key=lambda p: float(pydicom.dcmread(p, stop_before_pixels=True).ImagePositionPatient[2]))
    for n in score(program, series, nodules)["nodules"]:
        line("as it is", 1, 0, n)
    for method in ("JPEG 2000", "JPEG-LS"):
        for ratio in RATIOS:
            folder = f"{out}/{method.replace(' ', '-')}-{ratio}"
            got, near = compress(files, method, ratio, folder)
            for n in score(program, folder, nodules)["nodules"]:
                line(method, got, near, n)


if __name__ == "__main__":
    main(*sys.argv[1:])
