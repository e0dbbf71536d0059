#!/usr/bin/env bash
# One would guess: the frames of an Enhanced CT, each with its own place in its functional groups, become a volume by their places, in ITK as in
# others; frames at unequal distances are refused or warned of, and no distance is made up.
# Seen: frames stay in the order of the file. Where that is not one of equal steps, the distance of the slices is 1 mm (Slice Thickness is 2): a
# missing frame makes 0 2 6 8 mm to 0 1 2 3, and frames at 0 4 2 6 mm stay so, 1 mm apart. Nothing is raised or said.
# Matters: one missing frame of 300 at 2 mm halves the height of the chest, and a volume stored in two passes alternates. Read
# ImagePositionPatient of each frame (PlanePositionSequence) and compare.
# npm @itk-wasm/dicom 7.6.4, inputs made with Debian 12 python3-pydicom 2.3.1-1. Output seen (HU are 100 plus the position in mm):
#   0 2 4 6: distance 2, origin 0, HU 100 102 104 106
#   0 2 6 8: distance 1, origin 0, HU 100 102 106 108
#   0 4 2 6: distance 1, origin 0, HU 100 104 102 106
set -euo pipefail
[ "$(dpkg-query -W -f '${Version}' python3-pydicom)" = 2.3.1-1 ] || { echo "needs python3-pydicom 2.3.1-1 of Debian 12"; exit 1; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
echo '{"private": true, "type": "module"}' > package.json
npm install --silent --ignore-scripts --no-audit --no-fund @itk-wasm/dicom@7.6.4 > /dev/null
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


for positions in ([0, 2, 4, 6], [0, 2, 6, 8], [0, 4, 2, 6]):
    enhanced(" ".join(map(str, positions)) + ".dcm", positions, [-1024] * 4)
PY
/usr/bin/python3 make.py
cat > finding.js <<'JS'
import { resolve } from "node:path";
import { readImageDicomFileSeriesNode as read } from "@itk-wasm/dicom";
for (const positions of ["0 2 4 6", "0 2 6 8", "0 4 2 6"]) {
  const { outputImage: volume } = await read({ inputImages: [resolve(`${positions}.dcm`)], singleSortedSeries: false });
  console.log(`${positions}: distance ${volume.spacing[2]}, origin ${volume.origin[2]}, HU ${[0, 1, 2, 3].map((z) => volume.data[16 * z]).join(" ")}`);
}
process.exit(0);
JS
node finding.js > out 2>&1; cat out
diff out - <<'SEEN'
0 2 4 6: distance 2, origin 0, HU 100 102 104 106
0 2 6 8: distance 1, origin 0, HU 100 102 106 108
0 4 2 6: distance 1, origin 0, HU 100 104 102 106
SEEN
