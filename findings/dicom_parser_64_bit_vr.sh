#!/usr/bin/env bash
# One would guess: dicom-parser, which most viewers on the web read files with, steps over a VR that it does not know by its length,
# as an explicit syntax is made for.
# Seen: OV, SV and UV (64 bits, in the standard since 2019) are taken for VRs with a length of two bytes. They have two reserved
# bytes and a length of four, so reading goes on inside the value and past the end of the file: the whole file is refused.
# Matters: a valid instance with one 64-bit element (an extended offset table (7FE0,0001) is OV) opens in pydicom and dcmtk, and in
# no viewer that stands on dicom-parser.
# npm dicom-parser 1.8.21. Output seen:
#   OV: dicomParser.readFixedString: attempt to read past end of buffer
#   SV: dicomParser.readFixedString: attempt to read past end of buffer
#   UV: dicomParser.readFixedString: attempt to read past end of buffer
#   UT: read, Modality CT
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
echo '{"private": true}' > package.json
npm install --silent --ignore-scripts --no-audit --no-fund dicom-parser@1.8.21 >/dev/null
cat > finding.mjs <<'JS'
import dicomParser from "dicom-parser";

// Explicit VR little endian: Modality, then one element with a length of four bytes behind two reserved ones.
function file(vr) {
  const short = (group, element, vr, text) => [group & 255, group >> 8, element & 255, element >> 8, ...Buffer.from(vr), text.length, 0, ...Buffer.from(text)];
  const meta = short(2, 0x10, "UI", "1.2.840.10008.1.2.1\0");
  return new Uint8Array([...new Array(128).fill(0), ...Buffer.from("DICM"), ...short(2, 0, "UL", String.fromCharCode(meta.length, 0, 0, 0)), ...meta,
    ...short(8, 0x60, "CS", "CT"), 0x72, 0, 0x82, 0, ...Buffer.from(vr), 0, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
}
for (const vr of ["OV", "SV", "UV", "UT"]) {
  try {
    console.log(`${vr}: read, Modality ${dicomParser.parseDicom(file(vr)).string("x00080060")}`);
  } catch (e) {
    console.log(`${vr}: ${e.exception ?? e}`);
  }
}
JS
node finding.mjs | tee out
[ "$(grep -c 'read past end of buffer' out)" = 3 ]
grep -qx 'UT: read, Modality CT' out
