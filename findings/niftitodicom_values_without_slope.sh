#!/usr/bin/env bash
# One would guess: where niftitodicom has to fit values into 16 bits ("all the data will be scaled down", as its help has it for floating point)
# it says by how much in Rescale Slope, as DICOM means it; what came from a CT is a CT again, and int32 is no worse than floating point.
# Seen: slope 1 or none, whatever it did. One value of 40000 makes 819 of 1000 HU in all of the volume. Values of up to 2 are multiplied by
# 1000 and those of up to 2.5 by 100. int32 is not scaled but cut at 16 bits: 40000 is -25536. And a volume of either type becomes MR
# Image Storage, with its sources, a CT, given beside it; int16 stays CT. The exit code is 0 in all of these.
# Matters: most programs save what they computed as float32 or int32. A spike of metal or of a filter darkens the whole chest by a fifth, no
# element tells, and the archive files it under MR. Clip and convert to int16 before, and say --modality CT.
# Debian 12 vtk-dicom-tools 0.8.14-3.1, inputs made with python3-pydicom 2.3.1-1 and python3-numpy 1:1.24.2-1+deb12u1. Output seen:
#   int16, -1000 0 1000 3000: CT, slope 1, -1000 0 1000 3000
#   float32, -1000 0 1000 3000: MR, slope none, -1000 0 1000 3000
#   float32, -1000 0 1000 40000, --modality CT: CT, slope 1, -819 0 819 32767
#   float32, 0.0 0.5 1.0 2.0, --modality CT: CT, slope 1, 0 500 1000 2000
#   float32, 0.0 0.5 1.0 2.5, --modality CT: CT, slope 1, 0 50 100 250
#   int32, -1000 0 1000 40000: MR, slope none, -1000 0 1000 -25536
set -euo pipefail
for package in vtk-dicom-tools=0.8.14-3.1 python3-pydicom=2.3.1-1 python3-numpy=1:1.24.2-1+deb12u1; do
	[ "$(dpkg-query -W -f '${Version}' "${package%%=*}")" = "${package#*=}" ] || { echo "needs $package of Debian 12"; exit 1; }
done
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
cat > finding.py <<'PY'
import glob
import struct
import subprocess

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset


def source(n):
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", f"2.25.5{n}"
    meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    ct = Dataset()
    ct.file_meta, ct.is_little_endian, ct.is_implicit_VR = meta, True, False
    ct.ImageType, ct.SOPClassUID, ct.SOPInstanceUID, ct.Modality = ["ORIGINAL", "PRIMARY", "AXIAL"], meta.MediaStorageSOPClassUID, f"2.25.5{n}", "CT"
    ct.StudyInstanceUID, ct.SeriesInstanceUID, ct.FrameOfReferenceUID, ct.InstanceNumber = "2.25.3", "2.25.4", "2.25.6", n + 1
    ct.SliceThickness, ct.PixelSpacing, ct.ImagePositionPatient, ct.ImageOrientationPatient = 2, [1, 1], [0, 0, 2 * n], [1, 0, 0, 0, 1, 0]
    ct.SamplesPerPixel, ct.PhotometricInterpretation, ct.Rows, ct.Columns = 1, "MONOCHROME2", 4, 4
    ct.BitsAllocated, ct.BitsStored, ct.HighBit, ct.PixelRepresentation, ct.RescaleIntercept, ct.RescaleSlope = 16, 16, 15, 1, 0, 1
    ct.PixelData = bytes(32)
    ct["PixelData"].VR = "OW"
    ct.save_as(f"source{n}.dcm", write_like_original=False)


def convert(number, kind, values, *options):
    voxels = np.broadcast_to(np.array(values, kind), (3, 4, 4)).copy()
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, 3, 4, 4, 3, 1, 1, 1, 1)
    struct.pack_into("<hh", header, 70, {"int16": 4, "int32": 8, "float32": 16}[kind], 8 * voxels.itemsize)
    struct.pack_into("<8f", header, 76, 1, 1, 1, 2, 1, 1, 1, 1)
    struct.pack_into("<fff", header, 108, 352, 1, 0)
    struct.pack_into("<hh", header, 252, 0, 1)
    struct.pack_into("<12f", header, 280, -1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 2, 0)  # x and y as in DICOM
    header[123], header[344:348] = 2, b"n+1\0"
    open("volume.nii", "wb").write(bytes(header) + voxels.tobytes())
    folder = f"out{number}"
    subprocess.run(["niftitodicom", "-s", *options, "-o", folder, "volume.nii", *sorted(glob.glob("source*.dcm"))], check=True)
    image = dcmread(sorted(glob.glob(folder + "/*.dcm"))[0])
    assert image.get("RescaleIntercept", 0) == 0
    print(f"{kind}, {' '.join(map(str, values))}{', ' if options else ''}{' '.join(options)}: {image.SOPClassUID.name.split()[0]}, "
          f"slope {image.get('RescaleSlope', 'none')}, {' '.join(map(str, image.pixel_array[0]))}")


for n in range(3):
    source(n)
convert(1, "int16", [-1000, 0, 1000, 3000])
convert(2, "float32", [-1000, 0, 1000, 3000])
convert(3, "float32", [-1000, 0, 1000, 40000], "--modality", "CT")
convert(4, "float32", [0.0, 0.5, 1.0, 2.0], "--modality", "CT")
convert(5, "float32", [0.0, 0.5, 1.0, 2.5], "--modality", "CT")
convert(6, "int32", [-1000, 0, 1000, 40000])
PY
/usr/bin/python3 finding.py | tee out
diff out - <<'SEEN'
int16, -1000 0 1000 3000: CT, slope 1, -1000 0 1000 3000
float32, -1000 0 1000 3000: MR, slope none, -1000 0 1000 3000
float32, -1000 0 1000 40000, --modality CT: CT, slope 1, -819 0 819 32767
float32, 0.0 0.5 1.0 2.0, --modality CT: CT, slope 1, 0 500 1000 2000
float32, 0.0 0.5 1.0 2.5, --modality CT: CT, slope 1, 0 50 100 250
int32, -1000 0 1000 40000: MR, slope none, -1000 0 1000 -25536
SEEN
