#!/usr/bin/env bash
# One would guess: where slices of a CT series differ in how their pixels are stored (Bits Stored 12 in one, 16 in the next, as some scanners
# and archives leave them), ITK's reader of a series converts each slice to the type of the volume; its reader of single files does.
# Seen: the volume has the type of the first slice, int16. A slice that ITK itself would read as int32, since 16 unsigned bits less 1024 need
# that, is copied without conversion: every other voxel is the upper half of a number, and the lower half of the image is missing. Nothing
# is raised or warned of.
# Matters: single slices are noise in an otherwise right volume, and only in series where one image is stored with more bits. Compare Bits Stored,
# Pixel Representation and the rescaling of all slices before the series is read, or read the slices one by one.
# npm @itk-wasm/dicom 7.6.4, inputs made with Debian's dcmtk. Output seen (HU are 1, 2, 3, 4 in every row of every slice):
#   alone, 16 bits: int32, slice 0: 1 2 3 4 1 2 3 4 1 2 3 4 1 2 3 4
#   series: int16, slice 0: 1 2 3 4 1 2 3 4 1 2 3 4 1 2 3 4
#   series: int16, slice 1: 1 0 2 0 3 0 4 0 1 0 2 0 3 0 4 0
#   series: int16, slice 2: 1 2 3 4 1 2 3 4 1 2 3 4 1 2 3 4
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
echo '{"private": true, "type": "module"}' > package.json
npm install --silent --ignore-scripts --no-audit --no-fund @itk-wasm/dicom@7.6.4 > /dev/null
mkdir series alone
# slice FOLDER NUMBER BITS
slice() {
	cat > ct.dump <<DUMP
(0008,0016) UI 1.2.840.10008.5.1.4.1.1.2
(0008,0018) UI 2.25.5$2
(0008,0060) CS CT
(0020,000d) UI 2.25.3
(0020,000e) UI 2.25.4
(0020,0013) IS $2
(0020,0032) DS 0\\0\\$((2 * $2))
(0020,0037) DS 1\\0\\0\\0\\1\\0
(0028,0002) US 1
(0028,0004) CS MONOCHROME2
(0028,0010) US 4
(0028,0011) US 4
(0028,0030) DS 1\\1
(0028,0100) US 16
(0028,0101) US $3
(0028,0102) US $(($3 - 1))
(0028,0103) US 0
(0028,1052) DS -1024
(0028,1053) DS 1
(7fe0,0010) OW $(printf '%s\\' 0401 0402 0403 0404 0401 0402 0403 0404 0401 0402 0403 0404 0401 0402 0403)0404
DUMP
	dump2dcm +te ct.dump "$1/$2.dcm"
}
slice series 1 12; slice series 2 16; slice series 3 12
slice alone 1 16; slice alone 2 16
cat > finding.js <<'JS'
import { readdirSync } from "node:fs";
import { resolve } from "node:path";
import { readImageDicomFileSeriesNode as read } from "@itk-wasm/dicom";
for (const [name, dir, slices] of [["alone, 16 bits", "alone", 1], ["series", "series", 3]]) {
  const { outputImage: volume } = await read({ inputImages: readdirSync(dir).map((f) => resolve(dir, f)), singleSortedSeries: false });
  for (let z = 0; z < slices; z++) console.log(`${name}: ${volume.imageType.componentType}, slice ${z}: ${[...volume.data.slice(16 * z, 16 * z + 16)].join(" ")}`);
}
process.exit(0);
JS
node finding.js | tee out
grep -qx 'alone, 16 bits: int32, slice 0: 1 2 3 4 1 2 3 4 1 2 3 4 1 2 3 4' out
grep -qx 'series: int16, slice 0: 1 2 3 4 1 2 3 4 1 2 3 4 1 2 3 4' out
grep -qx 'series: int16, slice 1: 1 0 2 0 3 0 4 0 1 0 2 0 3 0 4 0' out
grep -qx 'series: int16, slice 2: 1 2 3 4 1 2 3 4 1 2 3 4 1 2 3 4' out
