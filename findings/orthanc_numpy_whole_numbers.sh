#!/usr/bin/env bash
# One would guess: /instances/{id}/numpy (and /series/{id}/numpy), which gives float32 after Rescale Slope and Intercept, holds
# pixel x slope + intercept.
# Seen: the values are rounded down to whole numbers first and then stored as float32: with a slope of 0.5 halves are lost, one of 0.01 leaves 0 and 1 of
# all that a slice holds. With ?rescale=0 the stored pixels come as they are.
# Matters: dose, PET and maps of a tool (T1, perfusion, probabilities) have small slopes, and the array has the type, the shape and the range
# that one expects; a mask or a probability becomes all or nothing. Ask with rescale=0 and rescale yourself.
# Debian 12 orthanc 1.10.1+dfsg-2+deb12u1, python3-numpy 1:1.24.2-1+deb12u1, inputs made with dcmtk. Output seen (pixels 0 10 50 51 99 150):
#   slope 0.5, intercept 0.25: float32 0 5 25 25 49 75
#   slope 0.01, intercept 0: float32 0 0 0 0 0 1
#   slope 0.01, rescale=0: uint16 0 10 50 51 99 150
set -euo pipefail
for package in orthanc=1.10.1+dfsg-2+deb12u1 dcmtk=3.6.7-9~deb12u4 python3-numpy=1:1.24.2-1+deb12u1; do
	[ "$(dpkg-query -W -f '${Version}' "${package%%=*}")" = "${package#*=}" ] || { echo "needs $package of Debian 12"; exit 1; }
done
work=$(mktemp -d); pid=; trap 'kill $pid; wait $pid || :; rm -rf "$work"' EXIT; cd "$work"
port=$((20000 + RANDOM % 10000))
cat > orthanc.json <<JSON
{"StorageDirectory": "$work/store", "IndexDirectory": "$work/store", "HttpPort": $port, "DicomPort": $((port + 1)), "AuthenticationEnabled": false}
JSON
Orthanc orthanc.json 2> log & pid=$!
curl -s --retry 60 --retry-delay 1 --retry-connrefused "http://127.0.0.1:$port/system" > /dev/null
send() { # instance, slope, intercept
	cat > ct.dump <<DUMP
(0008,0016) UI 1.2.840.10008.5.1.4.1.1.2
(0008,0018) UI 2.25.$1
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
(0028,0103) US 0
(0028,1052) DS $3
(0028,1053) DS $2
(7fe0,0010) OW 0000\\000a\\0032\\0033\\0063\\0096
DUMP
	dump2dcm +te ct.dump ct.dcm
	curl -s -f --data-binary @ct.dcm "http://127.0.0.1:$port/instances" | sed -n 's/.*"ID" : "\(.*\)",/\1/p'
}
numpy() { # path
	curl -s -f "http://127.0.0.1:$port/instances/$1" > a.npy
	/usr/bin/python3 -c 'import numpy as np; a = np.load("a.npy").ravel(); print(a.dtype, *(f"{v:g}" for v in a))'
}
half=$(send 1 0.5 0.25) small=$(send 2 0.01 0)
{
	echo "slope 0.5, intercept 0.25: $(numpy "$half/numpy")"
	echo "slope 0.01, intercept 0: $(numpy "$small/numpy")"
	echo "slope 0.01, rescale=0: $(numpy "$small/numpy?rescale=0")"
} | tee out
diff out - <<'SEEN'
slope 0.5, intercept 0.25: float32 0 5 25 25 49 75
slope 0.01, intercept 0: float32 0 0 0 0 0 1
slope 0.01, rescale=0: uint16 0 10 50 51 99 150
SEEN
