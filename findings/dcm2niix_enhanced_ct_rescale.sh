#!/usr/bin/env bash
# One would guess: where the frames of an Enhanced CT differ in their rescaling, as the format allows by PixelValueTransformationSequence in each frame's
# own groups, a converter to NIfTI applies to each frame its own, or refuses; dcm2niix does so for series of single slices.
# Seen: dcm2niix puts the intercept of the last frame into the header for all. Frames of 100, 102, 104 and 106 HU become 624, 626, -396 and 106,
# with exit code 0. dicomtonifti gives what is in the file.
# Matters: frames that were rescaled one by one (one object made of a series whose slices differ) are wrong by their difference, the last one
# is right, and a spot check there passes. Compare the groups of all frames before.
# Debian 12 dcm2niix 1.0.20220720-1+deb12u1, vtk-dicom-tools 0.8.14-3.1, input made with python3-pydicom 2.3.1-1. Output seen (intercepts -1024, -1024, 0
# and -500):
#   dcm2niix: exit 0, HU 624 626 -396 106
#   dicomtonifti: exit 0, HU 100 102 104 106
set -euo pipefail
for package in dcm2niix=1.0.20220720-1+deb12u1 vtk-dicom-tools=0.8.14-3.1 python3-pydicom=2.3.1-1; do
	[ "$(dpkg-query -W -f '${Version}' "${package%%=*}")" = "${package#*=}" ] || { echo "needs $package of Debian 12"; exit 1; }
done
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
mkdir series
cat > make.py <<'PY'
import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset

CT = "1.2.840.10008.5.1.4.1.1.2.1"


def dataset(**values):
    d = Dataset()
    for name, value in values.items():
        setattr(d, name, value)
    return d


def enhanced(path, positions, intercepts):
    """Four frames of 4 × 4 pixels; the HU of each are 100 plus its position."""
    d = dataset(SOPClassUID=CT, SOPInstanceUID="2.25.9", Modality="CT", StudyInstanceUID="2.25.3", SeriesInstanceUID="2.25.4", FrameOfReferenceUID="2.25.6",
                PatientName="Phantom", PatientID="1", InstanceNumber=1, ImageType=["ORIGINAL", "PRIMARY", "VOLUME", "NONE"], SamplesPerPixel=1,
                PhotometricInterpretation="MONOCHROME2", NumberOfFrames=4, Rows=4, Columns=4, BitsAllocated=16, BitsStored=12, HighBit=11, PixelRepresentation=0)
    d.SharedFunctionalGroupsSequence = [dataset(PlaneOrientationSequence=[dataset(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])],
                                                PixelMeasuresSequence=[dataset(SliceThickness=2, PixelSpacing=[1, 1])])]
    d.PerFrameFunctionalGroupsSequence = [
        dataset(FrameContentSequence=[dataset(StackID="1", InStackPositionNumber=sorted(positions).index(z) + 1)], PlanePositionSequence=[dataset(ImagePositionPatient=[0, 0, z])],
                PixelValueTransformationSequence=[dataset(RescaleIntercept=b, RescaleSlope=1, RescaleType="HU")])
        for z, b in zip(positions, intercepts)]
    d.PixelData = b"".join(np.full(16, 100 + z - b, "<u2").tobytes() for z, b in zip(positions, intercepts))
    d.file_meta = FileMetaDataset()
    d.file_meta.MediaStorageSOPClassUID, d.file_meta.MediaStorageSOPInstanceUID = CT, "2.25.9"
    d.file_meta.TransferSyntaxUID, d.file_meta.ImplementationClassUID = "1.2.840.10008.1.2.1", "2.25.2"
    d.is_little_endian, d.is_implicit_VR = True, False
    d.save_as(path, write_like_original=False)


enhanced("series/ct.dcm", [0, 2, 4, 6], [-1024, -1024, 0, -500])
PY
/usr/bin/python3 make.py
cat > read.py <<'PY'
import sys

import numpy as np

header = open(sys.argv[2], "rb").read()
slope, intercept = np.frombuffer(header, "<f4", 2, 112)
print(f"{sys.argv[1]}, HU", *[f"{v * slope + intercept:.0f}" for v in np.frombuffer(header, "<i2", 64, 352)[::16]])
PY
status=0; dcm2niix -b n -z n -f volume -o . series > log || status=$?
/usr/bin/python3 read.py "dcm2niix: exit $status" volume.nii | tee out
status=0; dicomtonifti -o dicomtonifti.nii series/ct.dcm > log || status=$?
/usr/bin/python3 read.py "dicomtonifti: exit $status" dicomtonifti.nii | tee -a out
diff out - <<'SEEN'
dcm2niix: exit 0, HU 624 626 -396 106
dicomtonifti: exit 0, HU 100 102 104 106
SEEN
