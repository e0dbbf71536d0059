#!/usr/bin/python3
"""Print SOPInstanceUID and the SHA-256 of the HU of every CT slice in a folder.

usage: pydicom_hu.py FOLDER

HU are stored value x RescaleSlope + RescaleIntercept in float64, rounded once
to float32, little endian, row by row. In place of the digest of pixels that
pydicom does not decode stands "-". Needs Debian's python3-pydicom and
python3-numpy, and python3-gdcm for most compressed pixels.
"""
import hashlib
import os
import sys

import numpy
import pydicom


def main(folder):
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                image = pydicom.dcmread(os.path.join(root, name))
            except pydicom.errors.InvalidDicomError:
                continue
            if image.get("Modality") != "CT" or "PixelData" not in image:
                continue
            try:
                stored = image.pixel_array.astype(numpy.float64)
            except Exception:  # of whatever kind, in another library
                print(image.SOPInstanceUID, "-")
                continue
            hu = stored * float(image.RescaleSlope) + float(image.RescaleIntercept)
            digest = hashlib.sha256(hu.astype("<f4").tobytes()).hexdigest()
            print(image.SOPInstanceUID, digest)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
