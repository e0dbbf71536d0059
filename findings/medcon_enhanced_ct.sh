#!/usr/bin/env bash
# One would guess: medcon, which reads an Enhanced CT and applies a rescale of its frames with -qc, puts the frames where their positions are and
# gives each its own slope and intercept; PS3.3 leaves the order of frames to the writer and the rescale to each frame.
# Seen: the frames stay in the order of the file, though position and In-Stack Position Number say another; all take slope and intercept of the
# last frame; a missing frame closes up. It exits with 0 and the volume has the right size and distance.
# Matters: Enhanced CT in which frames come as they were reconstructed has its slices shuffled, and where a scanner fits the rescale to each
# slice, values of all but one are wrong. Sort and rescale the frames before, or split the file into a classic series.
# Debian 12 medcon 0.23.0-gtk3+dfsg-1+deb12u2, inputs made with python3-pydicom 2.3.1-1. Output seen (mean of the slices, from the feet up):
#   frames at 4 0 6 2 mm, right: -1000 -998 -996 -994: -996 -1000 -994 -998
#   intercepts -1000 -900 -800 -700, right: -1000 -898 -796 -694: -700 -698 -696 -694
set -euo pipefail
for package in medcon=0.23.0-gtk3+dfsg-1+deb12u2 python3-pydicom=2.3.1-1 python3-numpy=1:1.24.2-1+deb12u1; do
	[ "$(dpkg-query -W -f '${Version}' "${package%%=*}")" = "${package#*=}" ] || { echo "needs $package of Debian 12"; exit 1; }
done
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
cat > enhanced.py <<'PY'
import struct
import subprocess

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence


def of(**elements):
    d = Dataset()
    for name, value in elements.items():
        setattr(d, name, value)
    return d


def one(**elements):
    return Sequence([of(**elements)])


def means(positions, intercepts):
    frames = [of(
        PlanePositionSequence=one(ImagePositionPatient=[0, 0, z]),
        FrameContentSequence=one(StackID="1", InStackPositionNumber=sorted(positions).index(z) + 1, DimensionIndexValues=[1, sorted(positions).index(z) + 1]),
        PixelValueTransformationSequence=one(RescaleSlope=1, RescaleIntercept=b, RescaleType="HU"),
    ) for z, b in zip(positions, intercepts)]
    organization = "2.25.7"
    index = [of(DimensionIndexPointer=p, FunctionalGroupPointer=0x00209111, DimensionOrganizationUID=organization) for p in (0x00209056, 0x00209057)]
    d = of(
        SOPClassUID="1.2.840.10008.5.1.4.1.1.2.1", SOPInstanceUID="2.25.1", StudyInstanceUID="2.25.2", SeriesInstanceUID="2.25.3", FrameOfReferenceUID="2.25.4",
        Modality="CT", PatientID="1", PatientPosition="HFS", ImageType=["ORIGINAL", "PRIMARY", "VOLUME", "NONE"], InstanceNumber=1, SeriesNumber=1,
        NumberOfFrames=len(frames), Rows=4, Columns=4, SamplesPerPixel=1, PhotometricInterpretation="MONOCHROME2",
        BitsAllocated=16, BitsStored=16, HighBit=15, PixelRepresentation=0,
        SharedFunctionalGroupsSequence=one(PixelMeasuresSequence=one(PixelSpacing=[1, 1], SliceThickness=2), PlaneOrientationSequence=one(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])),
        DimensionOrganizationSequence=one(DimensionOrganizationUID=organization), DimensionIndexSequence=Sequence(index),
        PerFrameFunctionalGroupsSequence=Sequence(frames), PixelData=np.concatenate([np.full(16, z, "<u2") for z in positions]).tobytes(),
    )
    d["PixelData"].VR = "OW"
    d.file_meta = FileMetaDataset()
    d.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    d.file_meta.MediaStorageSOPClassUID, d.file_meta.MediaStorageSOPInstanceUID = d.SOPClassUID, d.SOPInstanceUID
    d.is_little_endian, d.is_implicit_VR = True, False
    d.save_as("in.dcm", write_like_original=False)
    subprocess.run("medcon -f in.dcm -n -qc -c nifti -o out.nii -w -s".split(), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    b = open("out.nii", "rb").read()
    kind = {4: "<i2", 16: "<f4", 512: "<u2"}[struct.unpack_from("<h", b, 70)[0]]
    slope, intercept = struct.unpack_from("<2f", b, 112)
    v = np.frombuffer(b, kind, len(frames) * 16, int(struct.unpack_from("<f", b, 108)[0])).reshape(len(frames), 16).mean(1) * slope + intercept
    return " ".join(f"{x:.0f}" for x in v)


print("frames at 4 0 6 2 mm, right: -1000 -998 -996 -994:", means([4, 0, 6, 2], [-1000] * 4))
print("intercepts -1000 -900 -800 -700, right: -1000 -898 -796 -694:", means([0, 2, 4, 6], [-1000, -900, -800, -700]))
PY
/usr/bin/python3 enhanced.py | tee out
diff out - <<'SEEN'
frames at 4 0 6 2 mm, right: -1000 -998 -996 -994: -996 -1000 -994 -998
intercepts -1000 -900 -800 -700, right: -1000 -898 -796 -694: -700 -698 -696 -694
SEEN
