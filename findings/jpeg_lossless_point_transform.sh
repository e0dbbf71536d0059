#!/usr/bin/env bash
# One would guess: a JavaScript decoder that knows all seven predictors of JPEG lossless (process 14) knows its point transform too; dcmcjpeg
# offers both side by side.
# Seen: the decoder that cornerstone has for this syntax reads every predictor right, but with a point transform of 2 it
# neither starts the prediction at half of the smaller range nor multiplies by 4 at the end. 1000 is 24826, without an error.
# dcmtk gives 1000.
# Matters: shown between its own minimum and maximum the picture looks as it should; every measured value in it is wrong.
# npm @cornerstonejs/jpeg-lossless-decoder-js 2.2.1, dicom-parser 1.8.21, Debian 12 dcmtk 3.6.7-9~deb12u4. Output seen:
#   predictor 1: 1000,2000,3000,4000
#   predictor 7: 1000,2000,3000,4000
#   point transform 2: 24826,25076,25326,25576; dcmdjpeg: 1000,2000,3000,4000
set -euo pipefail
[ "$(dpkg-query -W -f '${Version}' dcmtk)" = 3.6.7-9~deb12u4 ] || { echo "needs dcmtk 3.6.7-9~deb12u4 of Debian 12"; exit 1; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
echo '{"private": true}' > package.json
npm install --silent --ignore-scripts --no-audit --no-fund @cornerstonejs/jpeg-lossless-decoder-js@2.2.1 dicom-parser@1.8.21 >/dev/null
cat > ct.dump <<'DUMP'
(0008,0016) UI 1.2.840.10008.5.1.4.1.1.2
(0008,0018) UI 2.25.1
(0028,0002) US 1
(0028,0004) CS MONOCHROME2
(0028,0010) US 2
(0028,0011) US 2
(0028,0100) US 16
(0028,0101) US 12
(0028,0102) US 11
(0028,0103) US 0
(7fe0,0010) OW 03e8\07d0\0bb8\0fa0
DUMP
dump2dcm +te ct.dump ct.dcm
cat > finding.mjs <<'JS'
import { readFileSync } from "node:fs";
import dicomParser from "dicom-parser";
import { Decoder } from "@cornerstonejs/jpeg-lossless-decoder-js";

const file = dicomParser.parseDicom(new Uint8Array(readFileSync(process.argv[2])));
const element = file.elements.x7fe00010;
if (element.encapsulatedPixelData) {
  const jpeg = dicomParser.readEncapsulatedPixelDataFromFragments(file, element, 0);
  console.log(`${new Uint16Array(new Decoder().decompress(jpeg.buffer, jpeg.byteOffset, jpeg.length))}`);
} else {
  console.log(`${[0, 1, 2, 3].map((i) => file.uint16("x7fe00010", i))}`);
}
JS
dcmcjpeg +el +sv 1 ct.dcm predictor1.dcm
dcmcjpeg +el +sv 7 ct.dcm predictor7.dcm
dcmcjpeg +el +sv 1 +pt 2 ct.dcm transform.dcm
dcmdjpeg transform.dcm native.dcm
{
	echo "predictor 1: $(node finding.mjs predictor1.dcm)"
	echo "predictor 7: $(node finding.mjs predictor7.dcm)"
	echo "point transform 2: $(node finding.mjs transform.dcm); dcmdjpeg: $(node finding.mjs native.dcm)"
} | tee out
diff out - <<'SEEN'
predictor 1: 1000,2000,3000,4000
predictor 7: 1000,2000,3000,4000
point transform 2: 24826,25076,25326,25576; dcmdjpeg: 1000,2000,3000,4000
SEEN
