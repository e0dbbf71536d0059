#!/usr/bin/env bash
# One would guess: a CT that went through dicomtonifti and comes back by niftitodicom, with its own files as the source of the header, has the
# HU that it had, and its padding; both tools are of one package, and elements that describe the pixels go with the pixels.
# Seen: dicomtonifti applies the rescaling, so the values are HU now. niftitodicom puts intercept 0 beside them, but Pixel Padding Value stays what
# it was for stored values: 0 was -1024 HU outside the circle of the scan, and is now water. With --verbatim the intercept of -1024, 12 bits and
# Pixel Representation 0 stay too: water is -1024 HU, and air, whose bits do not fit, is bone. The exit code is 0.
# Matters: a filtered or masked CT that is sent back to the archive this way has holes where tissue is 0 HU, or is wrong by 1024 HU. Set
# 0028,0120 in what comes out, and leave --verbatim to volumes of stored values.
# Debian 12 vtk-dicom-tools 0.8.14-3.1, inputs made and read with python3-pydicom 2.3.1-1. Output seen:
#   source: unsigned, 12 bits, intercept -1024, HU -1024 -1000 0 40 1000, padding at -1024 HU
#   default: signed, 16 bits, intercept 0, HU -1024 -1000 0 40 1000, padding at 0 HU
#   verbatim: unsigned, 12 bits, intercept -1024, HU 2048 2072 -1024 -984 -24, padding at -1024 HU
set -euo pipefail
for package in vtk-dicom-tools=0.8.14-3.1 python3-pydicom=2.3.1-1; do
	[ "$(dpkg-query -W -f '${Version}' "${package%%=*}")" = "${package#*=}" ] || { echo "needs $package of Debian 12"; exit 1; }
done
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
mkdir source
cat > make.py <<'PY'
from pydicom.dataset import Dataset, FileMetaDataset

for n in range(4):
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", f"2.25.5{n}"
    meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    ct = Dataset()
    ct.file_meta, ct.is_little_endian, ct.is_implicit_VR = meta, True, False
    ct.ImageType, ct.SOPClassUID, ct.SOPInstanceUID, ct.Modality = ["ORIGINAL", "PRIMARY", "AXIAL"], meta.MediaStorageSOPClassUID, f"2.25.5{n}", "CT"
    ct.StudyInstanceUID, ct.SeriesInstanceUID, ct.FrameOfReferenceUID, ct.InstanceNumber = "2.25.3", "2.25.4", "2.25.6", n + 1
    ct.SliceThickness, ct.PixelSpacing, ct.ImagePositionPatient, ct.ImageOrientationPatient = 2, [1, 1], [0, 0, 2 * n], [1, 0, 0, 0, 1, 0]
    ct.SamplesPerPixel, ct.PhotometricInterpretation, ct.Rows, ct.Columns = 1, "MONOCHROME2", 4, 5
    ct.BitsAllocated, ct.BitsStored, ct.HighBit, ct.PixelRepresentation = 16, 12, 11, 0
    ct.RescaleIntercept, ct.RescaleSlope, ct.PixelPaddingValue = -1024, 1, 0
    ct.PixelData = b"".join((hu + 1024).to_bytes(2, "little") for hu in (-1024, -1000, 0, 40, 1000)) * 4
    ct["PixelData"].VR = "OW"
    ct.save_as(f"source/{n}.dcm", write_like_original=False)
PY
cat > read.py <<'PY'
import sys

from pydicom import dcmread

image = dcmread(sys.argv[2])
row = image.pixel_array[0].astype(int) & (1 << image.BitsStored) - 1
if image.PixelRepresentation:
    row -= (row >> image.BitsStored - 1) << image.BitsStored
intercept = int(image.RescaleIntercept)
print(f"{sys.argv[1]}: {'signed' if image.PixelRepresentation else 'unsigned'}, {image.BitsStored} bits, intercept {intercept}, "
      f"HU {' '.join(str(value + intercept) for value in row)}, padding at {image.PixelPaddingValue + intercept} HU")
PY
/usr/bin/python3 make.py
dicomtonifti -s -o volume.nii source/*.dcm
niftitodicom -s -o default volume.nii source/*.dcm
niftitodicom -s --verbatim -o verbatim volume.nii source/*.dcm
for kind in source default verbatim; do
	/usr/bin/python3 read.py $kind "$(find $kind -name '*.dcm' | sort | head -n 1)"
done | tee out
diff out - <<'SEEN'
source: unsigned, 12 bits, intercept -1024, HU -1024 -1000 0 40 1000, padding at -1024 HU
default: signed, 16 bits, intercept 0, HU -1024 -1000 0 40 1000, padding at 0 HU
verbatim: unsigned, 12 bits, intercept -1024, HU 2048 2072 -1024 -984 -24, padding at -1024 HU
SEEN
