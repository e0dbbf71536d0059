#!/usr/bin/env bash
# One would guess: the volume that dcm2niix makes of a CT with a tilted gantry is either read where it lies, as its sform holds the shear, or
# refused by ITK, whose images cannot be sheared.
# Seen: dcm2niix puts a rotation by half of the tilt into the qform beside it, which no slice has, with the same code. ITK finds the sform
# unfit, says so in a line on the console, and takes the qform: a volume turned by 13 degrees, and no error.
# Matters: a pixel 76 mm above the first slice is 20 mm off here. What is measured, masked or registered in ITK does not fit the scan, nor what
# nibabel makes of the same file. Compare sform and qform before such a file is read.
# Debian 12 dcm2niix 1.0.20220720-1+deb12u1, npm @itk-wasm/image-io 1.6.1, inputs made with dcmtk. Output seen (mm, as in DICOM):
#   codes: qform 1, sform 1
#   first pixel of the last slice: DICOM 0.0 38.0 76.0, sform 0.0 38.0 76.0, ITK 0.0 17.5 74.7
set -euo pipefail
[ "$(dpkg-query -W -f '${Version}' dcm2niix)" = 1.0.20220720-1+deb12u1 ] || { echo "needs dcm2niix 1.0.20220720-1+deb12u1 of Debian 12"; exit 1; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
echo '{"private": true}' > package.json
npm install --silent --ignore-scripts --no-audit --no-fund @itk-wasm/image-io@1.6.1 > /dev/null
mkdir series
for n in {0..19}; do
	cat > ct.dump <<DUMP
(0008,0008) CS ORIGINAL\\PRIMARY\\AXIAL
(0008,0016) UI 1.2.840.10008.5.1.4.1.1.2
(0008,0018) UI 2.25.5$n
(0008,0060) CS CT
(0018,0050) DS 4
(0018,1030) LO Chest
(0020,000d) UI 2.25.3
(0020,000e) UI 2.25.4
(0020,0011) IS 1
(0020,0013) IS $n
(0020,0032) DS 0\\$((2 * n))\\$((4 * n))
(0020,0037) DS 1\\0\\0\\0\\1\\0
(0020,0052) UI 2.25.6
(0028,0002) US 1
(0028,0004) CS MONOCHROME2
(0028,0010) US 4
(0028,0011) US 4
(0028,0030) DS 1\\1
(0028,0100) US 16
(0028,0101) US 16
(0028,0102) US 15
(0028,0103) US 1
(0028,1052) DS 0
(0028,1053) DS 1
(7fe0,0010) OW $(printf '%04x\\' {1..15})0010
DUMP
	dump2dcm +te ct.dump "series/$n.dcm"
done
dcm2niix -b n -f volume -o . series > log
cat > finding.mjs <<'JS'
import { readFileSync } from "node:fs";
import { readImageNode } from "@itk-wasm/image-io";
const file = readFileSync("volume.nii");
const read = await readImageNode("volume.nii");
const { data, size, origin, direction, spacing } = read.image ?? read;
// The first pixel of a slice has the value 1.
const index = data.lastIndexOf(1);
const [x, y, z] = [index % size[0], Math.floor(index / size[0]) % size[1], Math.floor(index / size[0] / size[1])];
const sform = [0, 1, 2].map((row) => (row < 2 ? -1 : 1) * [x, y, z, 1].reduce((sum, v, i) => sum + v * file.readFloatLE(280 + 16 * row + 4 * i), 0));
const itk = [0, 1, 2].map((row) => origin[row] + [x, y, z].reduce((sum, v, i) => sum + v * spacing[i] * direction[3 * row + i], 0));
const mm = (p) => p.map((v) => (v + 0).toFixed(1).replace(/^-0\.0$/, "0.0")).join(" ");
console.log(`codes: qform ${file.readInt16LE(252)}, sform ${file.readInt16LE(254)}`);
console.log(`first pixel of the last slice: DICOM 0.0 38.0 76.0, sform ${mm(sform)}, ITK ${mm(itk)}`);
process.exit(0);
JS
node finding.mjs 2> warnings | tee out
grep -qx 'codes: qform 1, sform 1' out
grep -qx 'first pixel of the last slice: DICOM 0.0 38.0 76.0, sform 0.0 38.0 76.0, ITK 0.0 17.5 74.7' out
grep -q 'unexpected scales in sform' warnings
