#!/usr/bin/env bash
# One would guess: a study that Orthanc anonymizes keeps its objects and how they point at each other: the report is there with its
# measurements and under new UIDs refers to the new images, as the segmentation does.
# Seen: the report is stored, its list of evidence is rewritten, and its content is gone (the profile removes Content Sequence), with nothing
# in the answer but that of 3 instances none failed. With Content Sequence kept, the references in it are not rewritten: image, frame of reference
# and UIDREF are still those of the original study, next to an evidence list with the new ones.
# Matters: an exported study has reports without a finding; or ones that point to images which are not there, by UIDs with which the patient can
# be found again. Count content items after the export, or make the report anew from the anonymized images.
# Debian 12 orthanc 1.10.1+dfsg-2+deb12u1, inputs made with dcmtk. Output seen:
#   default: 3 instances, failed 0, segmentation refers to the new image; report: evidence new, content none
#   Keep ContentSequence: 3 instances, failed 0, segmentation refers to the new image; report: evidence new, content original, original, original
set -euo pipefail
for package in orthanc=1.10.1+dfsg-2+deb12u1 dcmtk=3.6.7-9~deb12u4; do
	[ "$(dpkg-query -W -f '${Version}' "${package%=*}")" = "${package#*=}" ] || { echo "needs $package of Debian 12"; exit 1; }
done
work=$(mktemp -d); pid=; trap 'kill $pid; wait $pid || :; rm -rf "$work"' EXIT; cd "$work"
port=$((20000 + RANDOM % 10000))
cat > orthanc.json <<JSON
{"StorageDirectory": "$work/store", "IndexDirectory": "$work/store", "HttpPort": $port, "DicomPort": $((port + 1)), "AuthenticationEnabled": false}
JSON
Orthanc orthanc.json 2> log & pid=$!
url=http://127.0.0.1:$port
curl -s --retry 60 --retry-delay 1 --retry-connrefused "$url/system" > /dev/null
# store CLASS UID MODALITY, with the rest of its elements from standard input
store() {
	{
		cat <<DUMP
(0008,0016) UI $1
(0008,0018) UI $2
(0008,0060) CS $3
(0010,0010) PN Phantom
(0010,0020) LO P1
(0020,000d) UI 2.25.3
(0020,000e) UI 2.25.4$2
DUMP
		cat
	} > object.dump
	dump2dcm +te object.dump object.dcm
	curl -s -f --data-binary @object.dcm "$url/instances" > /dev/null
}
ct=1.2.840.10008.5.1.4.1.1.2
image="(fffe,e000) na
(0008,1150) UI $ct
(0008,1155) UI 2.25.1
(fffe,e00d) na
(fffe,e0dd) na"
store $ct 2.25.1 CT <<< '(0020,0052) UI 2.25.6'
store 1.2.840.10008.5.1.4.1.1.66.4 2.25.11 SEG <<DUMP
(0008,2112) SQ
$image
DUMP
store 1.2.840.10008.5.1.4.1.1.88.34 2.25.12 SR <<DUMP
(0040,a375) SQ
(fffe,e000) na
(0008,1115) SQ
(fffe,e000) na
(0008,1199) SQ
$image
(0020,000e) UI 2.25.42.25.1
(fffe,e00d) na
(fffe,e0dd) na
(0020,000d) UI 2.25.3
(fffe,e00d) na
(fffe,e0dd) na
(0040,a730) SQ
(fffe,e000) na
(0008,1199) SQ
$image
(0040,a040) CS IMAGE
(fffe,e00d) na
(fffe,e000) na
(0040,a040) CS SCOORD3D
(3006,0024) UI 2.25.6
(fffe,e00d) na
(fffe,e000) na
(0040,a040) CS UIDREF
(0040,a124) UI 2.25.42.25.1
(fffe,e00d) na
(fffe,e0dd) na
DUMP
study=$(curl -s "$url/studies" | grep -o '[0-9a-f-]\{44\}')
# value OBJECT PATH
value() { curl -s "$url/instances/$1/content/$2" | tr -d '\0 '; }
# anonymized SETTINGS
anonymized() {
	curl -s "$url/studies/$study/anonymize" -d "$1" > answer
	local modality i new evidence content= v
	for i in $(curl -s "$url$(grep -o '/studies/[0-9a-f-]*' answer)/instances?expand" | grep -o '"ID" : "[0-9a-f-]*"' | grep -o '[0-9a-f-]\{44\}'); do
		modality=$(value "$i" 0008-0060)
		declare -g "$modality=$i"
	done
	new=$(value "$CT" 0008-0018)
	which() { case $1 in "$new") echo new;; 2.25.*) echo original;; *) echo other;; esac; }
	evidence=$(which "$(value "$SR" 0040-a375/0/0008-1115/0/0008-1199/0/0008-1155)")
	for path in 0/0008-1199/0/0008-1155 1/3006-0024 2/0040-a124; do
		v=$(curl -s -f "$url/instances/$SR/content/0040-a730/$path" | tr -d '\0 ') && content+="${content:+, }$(which "$v")"
	done
	echo "$(grep -o '"InstancesCount" : [0-9]*' answer | grep -o '[0-9]*') instances, failed $(grep -o '"FailedInstancesCount" : [0-9]*' answer | grep -o '[0-9]*')," \
		"segmentation refers to the $(which "$(value "$SEG" 0008-2112/0/0008-1155)") image; report: evidence $evidence, content ${content:-none}"
}
{
	echo "default: $(anonymized '{}')"
	echo "Keep ContentSequence: $(anonymized '{"Keep": ["ContentSequence"]}')"
} | tee out
diff out - <<'SEEN'
default: 3 instances, failed 0, segmentation refers to the new image; report: evidence new, content none
Keep ContentSequence: 3 instances, failed 0, segmentation refers to the new image; report: evidence new, content original, original, original
SEEN
