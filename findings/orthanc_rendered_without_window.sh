#!/usr/bin/env bash
# One would guess: a picture of a CT asked for over DICOMweb (WADO-RS, /rendered) without a window comes in the window of the image (Window Center
# and Width), as Orthanc's own /instances/{id}/rendered does it.
# Seen: over DICOMweb it is stretched from the smallest to the largest value of the image, whatever window that has. 40 HU is 66 in a slice that
# reaches from -1024 to 3071 HU and 122 in one that ends at 1200, with the same window in both. Orthanc's own gives 127 for both; but where an
# image has no window, it divides by 256, so that all of a CT is black.
# Matters: a slice with metal is darker than its neighbour and a series flickers when it is paged; soft tissue has a few grey values. Give
# window=40,400,linear with each request over DICOMweb.
# Debian 12 orthanc 1.10.1+dfsg-2+deb12u1, orthanc-dicomweb 1.7+dfsg-6+b2, inputs made with dcmtk 3.6.7-9~deb12u4, read with python3-pil
# 9.4.0-1.1+deb12u1. Output seen (grey of -1024, -160, 40, 239 HU and the largest value):
#   window, up to 3071: DICOMweb 0 54 66 79 255, with window=40,400,linear 0 0 128 255 255, own 0 0 127 254 255
#   window, up to 1200: DICOMweb 0 99 122 145 255, with window=40,400,linear 0 0 128 255 255, own 0 0 127 254 255
#   no window: DICOMweb 0 99 122 145 255, with window=40,400,linear 0 0 128 255 255, own 0 0 0 0 4
set -euo pipefail
for package in orthanc=1.10.1+dfsg-2+deb12u1 orthanc-dicomweb=1.7+dfsg-6+b2 dcmtk=3.6.7-9~deb12u4 python3-pil=9.4.0-1.1+deb12u1; do
	[ "$(dpkg-query -W -f '${Version}' "${package%=*}")" = "${package#*=}" ] || { echo "needs $package of Debian 12"; exit 1; }
done
work=$(mktemp -d); pid=; trap 'kill $pid; wait $pid || :; rm -rf "$work"' EXIT; cd "$work"
port=$((20000 + RANDOM % 10000))
cat > orthanc.json <<JSON
{"StorageDirectory": "$work/store", "IndexDirectory": "$work/store", "HttpPort": $port, "DicomPort": $((port + 1)), "AuthenticationEnabled": false,
 "Plugins": ["/usr/share/orthanc/plugins/libOrthancDicomWeb.so"], "DicomWeb": {"Enable": true}}
JSON
Orthanc orthanc.json 2> log & pid=$!
cat > read.py <<'PY'
import sys

from PIL import Image

image = Image.open(sys.argv[1])
print(*[image.getpixel((x, 0)) for x in range(5)])
PY
curl -s --retry 60 --retry-delay 1 --retry-connrefused "http://127.0.0.1:$port/system" > /dev/null
picture() { # path
	curl -sf -H 'Accept: image/png' -o picture.png "http://127.0.0.1:$port/$1"
	/usr/bin/python3 read.py picture.png
}
render() { # text, number, largest value, elements of the window
	cat > ct.dump <<DUMP
(0008,0016) UI 1.2.840.10008.5.1.4.1.1.2
(0008,0018) UI 2.25.5$2
(0008,0060) CS CT
(0020,000d) UI 2.25.3
(0020,000e) UI 2.25.4
(0028,0002) US 1
(0028,0004) CS MONOCHROME2
(0028,0010) US 1
(0028,0011) US 6
(0028,0100) US 16
(0028,0101) US 16
(0028,0102) US 15
(0028,0103) US 1
$4
(0028,1052) DS 0
(0028,1053) DS 1
(7fe0,0010) OW fc00\\ff60\\0028\\00ef\\$3\\$3
DUMP
	dump2dcm +te ct.dump ct.dcm
	own=$(curl -sf --data-binary @ct.dcm "http://127.0.0.1:$port/instances" | sed -n 's/.*"ID" : "\(.*\)",/\1/p')
	echo "$1: DICOMweb $(picture "dicom-web/studies/2.25.3/series/2.25.4/instances/2.25.5$2/rendered"), with window=40,400,linear" \
		"$(picture "dicom-web/studies/2.25.3/series/2.25.4/instances/2.25.5$2/rendered?window=40,400,linear"), own $(picture "instances/$own/rendered")"
}
window=$(printf '(0028,1050) DS 40\n(0028,1051) DS 400')
{
	render "window, up to 3071" 0 0bff "$window"
	render "window, up to 1200" 1 04b0 "$window"
	render "no window" 2 04b0 ""
} | tee out
diff out - <<'SEEN'
window, up to 3071: DICOMweb 0 54 66 79 255, with window=40,400,linear 0 0 128 255 255, own 0 0 127 254 255
window, up to 1200: DICOMweb 0 99 122 145 255, with window=40,400,linear 0 0 128 255 255, own 0 0 127 254 255
no window: DICOMweb 0 99 122 145 255, with window=40,400,linear 0 0 128 255 255, own 0 0 0 0 4
SEEN
