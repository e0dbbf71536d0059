#!/usr/bin/env bash
# One would guess: a window of centre 40 and width 400 goes from -160 to 240 by LINEAR_EXACT as by LINEAR, which differ by half a unit (PS3.3
# C.11.2.1.3.2), and the centre is grey in both.
# Seen: two of three renderers leave the 0.5 out of its formula, ((x - c) / w + 0.5) times the range, and start it at the centre: everything up to
# 40 is black and 240 is grey. dcmjs-imaging takes the function from the image, Orthanc over DICOMweb from the request ("linear-exact"); both
# give a picture like any other. dcm2pnm is right, and SIGMOID is in all three.
# Matters: where a series asks for LINEAR_EXACT, soft tissue is black and bone grey, and a lung window of -600 and 1500 shows no lung; all other
# series look right. Ask for LINEAR, which is the same but for half a unit.
# npm dcmjs-imaging 0.2.5, Debian 12 orthanc 1.10.1+dfsg-2+deb12u1, orthanc-dicomweb 1.7+dfsg-6+b2, dcmtk 3.6.7-9~deb12u4, read with python3-pil
# 9.4.0-1.1+deb12u1. Output seen (grey of -160, 40 and 239 HU):
#   LINEAR: dcm2pnm 0 127 255, dcmjs-imaging 0 127 255, Orthanc 0 128 255
#   LINEAR_EXACT: dcm2pnm 0 127 255, dcmjs-imaging 0 0 126, Orthanc 0 0 127
#   SIGMOID: dcm2pnm 30 127 224, dcmjs-imaging 30 127 224, Orthanc 30 128 224
set -euo pipefail
for package in orthanc=1.10.1+dfsg-2+deb12u1 orthanc-dicomweb=1.7+dfsg-6+b2 dcmtk=3.6.7-9~deb12u4 python3-pil=9.4.0-1.1+deb12u1; do
	[ "$(dpkg-query -W -f '${Version}' "${package%=*}")" = "${package#*=}" ] || { echo "needs $package of Debian 12"; exit 1; }
done
work=$(mktemp -d); pid=; trap 'kill $pid; wait $pid || :; rm -rf "$work"' EXIT; cd "$work"
echo '{"private": true}' > package.json
npm install --silent --ignore-scripts --no-audit --no-fund dcmjs-imaging@0.2.5 > /dev/null
port=$((20000 + RANDOM % 10000))
cat > orthanc.json <<JSON
{"StorageDirectory": "$work/store", "IndexDirectory": "$work/store", "HttpPort": $port, "DicomPort": $((port + 1)), "AuthenticationEnabled": false,
 "Plugins": ["/usr/share/orthanc/plugins/libOrthancDicomWeb.so"], "DicomWeb": {"Enable": true}}
JSON
Orthanc orthanc.json 2> log & pid=$!
cat > render.js <<'JS'
const { readFileSync } = require("fs");
const { DicomImage, NativePixelDecoder } = require("dcmjs-imaging");

NativePixelDecoder.initializeAsync().then(() => {
  const file = readFileSync(process.argv[2]);
  const pixels = new Uint8Array(new DicomImage(file.buffer.slice(file.byteOffset, file.byteOffset + file.length)).render().pixels);
  process.stdout.write(`GREY ${pixels[0]} ${pixels[4]} ${pixels[8]}\n`);
});
JS
cat > read.py <<'PY'
import sys

from PIL import Image

image = Image.open(sys.argv[1])
print(*[image.getpixel((x, 0)) for x in range(3)])
PY
curl -s --retry 60 --retry-delay 1 --retry-connrefused "http://127.0.0.1:$port/system" > /dev/null
render() { # function, its name in a request, number
	cat > ct.dump <<DUMP
(0008,0016) UI 1.2.840.10008.5.1.4.1.1.2
(0008,0018) UI 2.25.5$3
(0008,0060) CS CT
(0020,000d) UI 2.25.3
(0020,000e) UI 2.25.4
(0028,0002) US 1
(0028,0004) CS MONOCHROME2
(0028,0010) US 1
(0028,0011) US 4
(0028,0100) US 16
(0028,0101) US 16
(0028,0102) US 15
(0028,0103) US 1
(0028,1050) DS 40
(0028,1051) DS 400
(0028,1052) DS 0
(0028,1053) DS 1
(0028,1056) CS $1
(7fe0,0010) OW ff60\\0028\\00ef\\0bb8
DUMP
	dump2dcm +te ct.dump ct.dcm
	dcm2pnm -q +Wi 1 ct.dcm dcmtk.pgm
	curl -s --data-binary @ct.dcm "http://127.0.0.1:$port/instances" > /dev/null
	curl -sf -H 'Accept: image/png' -o orthanc.png "http://127.0.0.1:$port/dicom-web/studies/2.25.3/series/2.25.4/instances/2.25.5$3/rendered?window=40,400,$2"
	echo "$1: dcm2pnm $(/usr/bin/python3 read.py dcmtk.pgm), dcmjs-imaging $(node render.js ct.dcm 2> /dev/null | sed -n 's/^GREY //p'), Orthanc $(/usr/bin/python3 read.py orthanc.png)"
}
{
	render LINEAR linear 0
	render LINEAR_EXACT linear-exact 1
	render SIGMOID sigmoid 2
} | tee out
diff out - <<'SEEN'
LINEAR: dcm2pnm 0 127 255, dcmjs-imaging 0 127 255, Orthanc 0 128 255
LINEAR_EXACT: dcm2pnm 0 127 255, dcmjs-imaging 0 0 126, Orthanc 0 0 127
SIGMOID: dcm2pnm 30 127 224, dcmjs-imaging 30 127 224, Orthanc 30 128 224
SEEN
