#!/usr/bin/env bash
# One would guess: a reader of DICOM series takes the distance of slices from two neighbours, and refuses or warns where the others differ: a
# missing slice leaves a gap, and two images at every position (two phases of contrast) are not one volume.
# Seen: @itk-wasm/dicom takes the distance of the first slice from the last, divided by their number less one, whatever lies between. With
# one slice of six missing all others lie at wrong places, and lengths along the patient grow by a fifth; two phases become one volume of
# half the distance and alternating phases. Nothing is raised, and the metadata of the volume that would tell are empty.
# Matters: volumes and diameters are off by the share of what is missing, positions by up to a slice, and a lesion is cut into stripes
# of two phases. Look at the positions of the sorted files yourself before you use the spacing.
# npm @itk-wasm/dicom 7.6.4, inputs made with Debian's dcmtk. Output seen (each slice holds its own z in mm; phase 2 has 100 more):
#   missing: slices 5, spacing 2.5, z by geometry 0 2.5 5 7.5 10, z in the pixels 0 2 4 8 10, metadata 0
#   phases: slices 6, spacing 0.8, z in the pixels 0 0 2 2 4 4, of phase 2: 3, metadata 0
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
echo '{"private": true, "type": "module"}' > package.json
npm install --silent --ignore-scripts --no-audit --no-fund @itk-wasm/dicom@7.6.4 > /dev/null
mkdir missing phases
number=0
# slice FOLDER Z PHASE
slice() {
	number=$((number + 1))
	value=$(printf %04x $((1024 + $2 + 100 * ($3 - 1))))
	cat > ct.dump <<DUMP
(0008,0016) UI 1.2.840.10008.5.1.4.1.1.2
(0008,0018) UI 2.25.5$number
(0008,0022) DA 20200101
(0008,0032) TM 12${3}000
(0008,0060) CS CT
(0020,000d) UI 2.25.3
(0020,000e) UI 2.25.4
(0020,0012) IS $3
(0020,0013) IS $number
(0020,0032) DS 0\\0\\$2
(0020,0037) DS 1\\0\\0\\0\\1\\0
(0028,0002) US 1
(0028,0004) CS MONOCHROME2
(0028,0010) US 2
(0028,0011) US 2
(0028,0030) DS 1\\1
(0028,0100) US 16
(0028,0101) US 12
(0028,0102) US 11
(0028,0103) US 0
(0028,1052) DS -1024
(0028,1053) DS 1
(7fe0,0010) OW $value\\$value\\$value\\$value
DUMP
	dump2dcm +te ct.dump "$1/$number.dcm"
}
for z in 0 2 4 8 10; do slice missing $z 1; done
for z in 0 2 4; do slice phases $z 1; slice phases $z 2; done
cat > finding.js <<'JS'
import { readdirSync } from "node:fs";
import { resolve } from "node:path";
import { readImageDicomFileSeriesNode as read } from "@itk-wasm/dicom";
for (const dir of ["missing", "phases"]) {
  const { outputImage: v } = await read({ inputImages: readdirSync(dir).map((f) => resolve(dir, f)), singleSortedSeries: false });
  const pixels = Array.from({ length: v.size[2] }, (_, z) => v.data[4 * z]), step = Number(v.spacing[2].toFixed(3));
  let text = `${dir}: slices ${v.size[2]}, spacing ${step}, `;
  if (dir === "missing") text += `z by geometry ${pixels.map((_, i) => v.origin[2] + i * step).join(" ")}, `;
  text += `z in the pixels ${pixels.map((p) => p % 100).join(" ")}`;
  if (dir === "phases") text += `, of phase 2: ${pixels.filter((p) => p >= 100).length}`;
  console.log(`${text}, metadata ${v.metadata.size}`);
}
process.exit(0);
JS
node finding.js | tee out
grep -qx 'missing: slices 5, spacing 2.5, z by geometry 0 2.5 5 7.5 10, z in the pixels 0 2 4 8 10, metadata 0' out
grep -qx 'phases: slices 6, spacing 0.8, z in the pixels 0 0 2 2 4 4, of phase 2: 3, metadata 0' out
