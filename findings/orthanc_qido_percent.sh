#!/usr/bin/env bash
# One would guess: a search over DICOMweb (QIDO-RS) for PatientName=Doe%5EJane asks for Doe^Jane, as every client library writes a ^ or a
# space in a query.
# Seen: the plugin compares with the text as it came, percent signs and all. 200 and an empty list for %5E, for %20 and +, even for a letter
# written as a code; a ^ sent as it is, which few clients do, is found, and a space cannot be asked for, but with a ? in its place.
# Matters: a worklist that looks a patient up by name or by an ID with a space gets "no such patient", not an error, and takes the study for
# new. A test with P1 as its ID passes. Ask with ? for what would be encoded and compare what comes back, or use /tools/find.
# Debian 12 orthanc 1.10.1+dfsg-2+deb12u1, orthanc-dicomweb 1.7+dfsg-6+b2, inputs made with dcmtk. Output seen:
#   PatientName=Doe%5EJane: 0, Doe^Jane: 1, D%6Fe*: 0, Doe?Jane: 1
#   PatientID=P%201: 0, P+1: 0, P?1: 1
#   /tools/find Doe^Jane: 1, P 1: 1
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
(0010,0010) PN Doe^Jane
(0010,0020) LO [P 1]
(0020,000d) UI 2.25.2
(0020,000e) UI 2.25.3
DUMP
dump2dcm +te ct.dump ct.dcm
curl -s -f --data-binary @ct.dcm "http://127.0.0.1:$port/instances" > /dev/null
count() { grep -o -e "$1" | wc -l; }
qido() { curl -s -f -g -H 'Accept: application/dicom+json' "http://127.0.0.1:$port/dicom-web/studies?$1" | count '"0020000D"'; }
rest() { curl -s -f -d "{\"Level\": \"Study\", \"Query\": {\"$1\": \"$2\"}}" "http://127.0.0.1:$port/tools/find" | count '-.*"'; }
{
	echo "PatientName=Doe%5EJane: $(qido PatientName=Doe%5EJane), Doe^Jane: $(qido PatientName=Doe^Jane), D%6Fe*: $(qido 'PatientName=D%6Fe*'), Doe?Jane: $(qido 'PatientName=Doe?Jane')"
	echo "PatientID=P%201: $(qido PatientID=P%201), P+1: $(qido PatientID=P+1), P?1: $(qido 'PatientID=P?1')"
	echo "/tools/find Doe^Jane: $(rest PatientName Doe^Jane), P 1: $(rest PatientID 'P 1')"
} | tee out
diff out - <<'SEEN'
PatientName=Doe%5EJane: 0, Doe^Jane: 1, D%6Fe*: 0, Doe?Jane: 1
PatientID=P%201: 0, P+1: 0, P?1: 1
/tools/find Doe^Jane: 1, P 1: 1
SEEN
