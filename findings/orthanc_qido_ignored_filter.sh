#!/usr/bin/env bash
# One would guess: a search over DICOMweb (QIDO-RS) by an element that the archive cannot search is refused, finds nothing, or says in a
# Warning header that the element was left out.
# Seen: the filter is dropped and everything matches, with 200 and no header. So it is for a private element, for one of 64 bits
# (SelectorSVValue), and for one whose VR hangs on the image (PixelPaddingValue, "US or SS"), while BitsStored=7 finds nothing.
# Matters: "the series that carry our private mark", which a clean-up deletes or a job skips, are then all series. Ask with includefield for
# the element too, and compare what comes back.
# Debian 12 orthanc 1.10.1+dfsg-2+deb12u1, orthanc-dicomweb 1.7+dfsg-6+b2, inputs made with dcmtk. Output seen:
#   2 images; BitsStored=7: 0, BitsStored=16: 1, 00091001=NO: 2, PixelPaddingValue=7: 2, 00720082=7: 2
#   warnings: 0
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
# image NUMBER MARK BITS
image() {
	cat > ct.dump <<DUMP
(0008,0016) UI 1.2.840.10008.5.1.4.1.1.2
(0008,0018) UI 2.25.1$1
(0009,0010) LO ACME
(0009,1001) LO $2
(0010,0020) LO P1
(0020,000d) UI 2.25.2
(0020,000e) UI 2.25.3
(0028,0101) US $3
(0028,0103) US 1
(0028,0120) SS -2000
DUMP
	dump2dcm +te ct.dump ct.dcm
	curl -s -f --data-binary @ct.dcm "http://127.0.0.1:$port/instances" > /dev/null
}
image 1 YES 12
image 2 - 16
qido() { curl -s -f -D headers -H 'Accept: application/dicom+json' "http://127.0.0.1:$port/dicom-web/instances?$1" | grep -o '"00080018"' | wc -l; cat headers >> all; }
{
	echo "$(qido '') images; BitsStored=7: $(qido BitsStored=7), BitsStored=16: $(qido BitsStored=16), 00091001=NO: $(qido 00091001=NO)," \
		"PixelPaddingValue=7: $(qido PixelPaddingValue=7), 00720082=7: $(qido 00720082=7)"
	echo "warnings: $(grep -ci '^warning' all || :)"
} | tee out
diff out - <<'SEEN'
2 images; BitsStored=7: 0, BitsStored=16: 1, 00091001=NO: 2, PixelPaddingValue=7: 2, 00720082=7: 2
warnings: 0
SEEN
