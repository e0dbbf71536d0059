#!/usr/bin/env bash
# One would guess: the metadata that an archive gives over DICOMweb (WADO-RS) hold every element of the file, or a link for a large one,
# and a text that may hold any character (LT, ST, UT) as one value.
# Seen: elements with a VR of 64 bits (SV, UV) are missing, without a trace, though the file comes back with them; and a text is cut
# in two at a backslash, which is a character like others there.
# Matters: what is rebuilt from metadata and bulk data, as viewers and de-identifiers do, is not what was stored. Fetch the file
# where every element counts.
# Debian 12 orthanc 1.10.1+dfsg-2+deb12u1, orthanc-dicomweb 1.7+dfsg-6+b2, inputs made with dcmtk. Output seen:
#   file: SV -5, UV 9007199254740993, FD 0.5, LT C:\scans
#   metadata: SV none, UV none, FD [0.5], LT ["C:","scans"]
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
cat > ct.dump <<'DUMP'
(0008,0016) UI 1.2.840.10008.5.1.4.1.1.2
(0008,0018) UI 2.25.1
(0010,0020) LO P1
(0020,000d) UI 2.25.2
(0020,000e) UI 2.25.3
(0020,4000) LT [C:\scans]
(0072,0074) FD 0.5
(0072,0082) SV -5
(0072,0083) UV 9007199254740993
DUMP
dump2dcm +te ct.dump ct.dcm
curl -s -f --data-binary @ct.dcm "http://127.0.0.1:$port/instances" > stored
curl -s -f -o back.dcm "http://127.0.0.1:$port/instances/$(sed -n 's/.*"ID" : "\(.*\)".*/\1/p' stored)/file"
curl -s -f -o metadata.json "http://127.0.0.1:$port/dicom-web/studies/2.25.2/series/2.25.3/instances/2.25.1/metadata"
value() { dcmdump +P "$1" back.dcm | sed 's/^[^ ]* .. \(.*[^ ]\) *#.*/\1/; s/^\[\(.*\)\]$/\1/'; }
{
	echo "file: SV $(value 0072,0082), UV $(value 0072,0083), FD $(value 0072,0074), LT $(value 0020,4000)"
	node -e 'const m = JSON.parse(fs.readFileSync("metadata.json"))[0], show = (t) => (m[t] ? JSON.stringify(m[t].Value) : "none");
		console.log(`metadata: SV ${show("00720082")}, UV ${show("00720083")}, FD ${show("00720074")}, LT ${show("00204000")}`)'
} | tee out
diff out - <<'SEEN'
file: SV -5, UV 9007199254740993, FD 0.5, LT C:\scans
metadata: SV none, UV none, FD [0.5], LT ["C:","scans"]
SEEN
