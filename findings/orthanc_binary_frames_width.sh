#!/usr/bin/env bash
# One would guess: frames of a binary segmentation, one bit for a pixel and packed without gaps, come from Orthanc whatever the size of
# the image; at least as the bytes of the file.
# Seen: only where the number of columns is a multiple of 8. One of 12 columns is stored, and every request for one of its frames, over
# DICOMweb and over its own interface, rendered or not, is refused: "Bad number of columns for a black-and-white image".
# Matters: segmentations on the image's own grid of 512 pass every test, those cropped to a nodule or resampled can be sent and not be
# shown. Pad the columns to a multiple of 8, or fetch the whole file.
# Debian 12 orthanc 1.10.1+dfsg-2+deb12u1, orthanc-dicomweb 1.7+dfsg-6+b2, inputs made with dcmtk. Output seen:
#   16 columns: stored 200, frames/2 200, raw 200, preview 200
#   12 columns: stored 200, frames/2 400, raw 400, preview 415
#   Bad number of columns for a black-and-white image
set -euo pipefail
for package in orthanc=1.10.1+dfsg-2+deb12u1 orthanc-dicomweb=1.7+dfsg-6+b2 dcmtk=3.6.7-9~deb12u4; do
	[ "$(dpkg-query -W -f '${Version}' "${package%=*}")" = "${package#*=}" ] || { echo "needs $package of Debian 12"; exit 1; }
done
work=$(mktemp -d); pid=; trap 'kill $pid; wait $pid || :; rm -rf "$work"' EXIT; cd "$work"
port=$((20000 + RANDOM % 10000))
cat > orthanc.json <<JSON
{"StorageDirectory": "$work/store", "IndexDirectory": "$work/store", "HttpPort": $port, "DicomPort": $((port + 1)), "AuthenticationEnabled": false,
 "Plugins": ["/usr/share/orthanc/plugins/libOrthancDicomWeb.so"], "DicomWeb": {"Enable": true}}
JSON
Orthanc orthanc.json 2> log & pid=$!
curl -s --retry 60 --retry-delay 1 --retry-connrefused "http://127.0.0.1:$port/system" > /dev/null
status() { curl -s -o body -w '%{http_code}' "$@"; }
for columns in 16 12; do # two frames of 8 rows
	head -c $((2 * 8 * columns / 8)) /dev/zero | tr '\0' '\17' > pixels
	cat > seg.dump <<DUMP
(0008,0016) UI 1.2.840.10008.5.1.4.1.1.66.4
(0008,0018) UI 2.25.1$columns
(0008,0060) CS SEG
(0010,0020) LO P1
(0020,000d) UI 2.25.2
(0020,000e) UI 2.25.3
(0028,0002) US 1
(0028,0004) CS MONOCHROME2
(0028,0008) IS 2
(0028,0010) US 8
(0028,0011) US $columns
(0028,0100) US 1
(0028,0101) US 1
(0028,0102) US 0
(0028,0103) US 0
(7fe0,0010) OB =pixels
DUMP
	dump2dcm +te seg.dump seg.dcm
	echo -n "$columns columns: stored $(status --data-binary @seg.dcm "http://127.0.0.1:$port/instances"), "
	id=$(sed -n 's/.*"ID" : "\(.*\)".*/\1/p' body)
	echo -n "frames/2 $(status -H 'Accept: multipart/related; type="application/octet-stream"' "http://127.0.0.1:$port/dicom-web/studies/2.25.2/series/2.25.3/instances/2.25.1$columns/frames/2"), "
	echo "raw $(status "http://127.0.0.1:$port/instances/$id/frames/1/raw"), preview $(status "http://127.0.0.1:$port/instances/$id/frames/1/preview")"
done | tee out
grep -o -m 1 'Bad number of columns for a black-and-white image' log | tee -a out
diff out - <<'SEEN'
16 columns: stored 200, frames/2 200, raw 200, preview 200
12 columns: stored 200, frames/2 400, raw 400, preview 415
Bad number of columns for a black-and-white image
SEEN
