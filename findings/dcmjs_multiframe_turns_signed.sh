#!/usr/bin/env bash
# One would guess: the Enhanced CT that dcmjs makes of a series (Normalizer.normalizeToDataset, which its segmentations and measurements start
# from) holds the same pixels, stored the same way, and each slice's own rescaling and thickness.
# Seen: Pixel Representation 0 counts as "not given" and becomes 1, so unsigned becomes signed with the same Bits Stored: 3095 of 12 bits, 2071 HU,
# is -1001 to a reader, -2025 HU. All slices get the intercept of the first, and Slice Thickness is the distance of the two uppermost ones,
# whatever it was (here 5 mm every 2.5 mm).
# Matters: a CT from most scanners is stored unsigned. Lung and soft tissue come through, what is above 1023 HU turns to less than air, and
# a series whose intercept changes is wrong by 1024 HU. Set the three in what comes back, and refuse what is not the same in all slices.
# npm dcmjs 0.52.2, read with Debian 12 python3-pydicom 2.3.1-1. Output seen:
#   in: unsigned, 12 bits, thickness 5, HU 2071 47 -23
#   out: signed, 12 bits, thickness 2.5, HU -2025 -977 -23
set -euo pipefail
[ "$(dpkg-query -W -f '${Version}' python3-pydicom)" = 2.3.1-1 ] || { echo "needs python3-pydicom 2.3.1-1 of Debian 12"; exit 1; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
echo '{"private": true}' > package.json
npm install --silent --ignore-scripts --no-audit --no-fund dcmjs@0.52.2 > /dev/null
cat > finding.mjs <<'JS'
import { writeFileSync } from "node:fs";
import dcmjs from "dcmjs";
const { DicomDict, DicomMetaDictionary: dictionary } = dcmjs.data;
const slice = (number, z, intercept, stored) => ({
  _meta: {}, _vrMap: { PixelData: "OW" }, SOPClassUID: "1.2.840.10008.5.1.4.1.1.2", SOPInstanceUID: `2.25.5${number}`, StudyInstanceUID: "2.25.3",
  SeriesInstanceUID: "2.25.4", FrameOfReferenceUID: "2.25.6", Modality: "CT", PatientName: "Phantom", PatientID: "1", InstanceNumber: number,
  SliceThickness: 5, ImagePositionPatient: [0, 0, z], ImageOrientationPatient: [1, 0, 0, 0, 1, 0], PixelSpacing: [1, 1], SamplesPerPixel: 1,
  PhotometricInterpretation: "MONOCHROME2", Rows: 2, Columns: 2, BitsAllocated: 16, BitsStored: 12, HighBit: 11, PixelRepresentation: 0,
  RescaleIntercept: intercept, RescaleSlope: 1, WindowCenter: 40, WindowWidth: 400, PixelData: new Uint16Array(4).fill(stored).buffer,
});
const series = [slice(1, 5, -1024, 3095), slice(2, 2.5, 0, 47), slice(3, 0, -1024, 1001)];
console.log(`in: unsigned, 12 bits, thickness 5, HU ${series.map((s) => new Uint16Array(s.PixelData)[0] + s.RescaleIntercept).join(" ")}`);
const multi = dcmjs.normalizers.Normalizer.normalizeToDataset(series);
const uid = (value) => ({ vr: "UI", Value: [value] });
const file = new DicomDict({ "00020002": uid(multi.SOPClassUID), "00020003": uid(multi.SOPInstanceUID), "00020010": uid("1.2.840.10008.1.2.1"), "00020012": uid("2.25.2") });
file.dict = dictionary.denaturalizeDataset(multi);
writeFileSync("multi.dcm", Buffer.from(file.write()));
JS
cat > read.py <<'PY'
import pydicom

d = pydicom.dcmread("multi.dcm")
shared = d.SharedFunctionalGroupsSequence[0]
rescale = shared.PixelValueTransformationSequence[0]
sign = 1 << d.HighBit if d.PixelRepresentation else 0
stored = [(frame.flat[0] & (1 << d.BitsStored) - 1 ^ sign) - sign for frame in d.pixel_array.astype("int64")]
print(f"out: {'signed' if d.PixelRepresentation else 'unsigned'}, {d.BitsStored} bits, thickness {shared.PixelMeasuresSequence[0].SliceThickness}, HU",
      *[int(v * rescale.RescaleSlope + rescale.RescaleIntercept) for v in stored])
PY
{ node finding.mjs | grep '^in:'; /usr/bin/python3 read.py; } | tee out
grep -qx 'in: unsigned, 12 bits, thickness 5, HU 2071 47 -23' out
grep -qx 'out: signed, 12 bits, thickness 2.5, HU -2025 -977 -23' out
