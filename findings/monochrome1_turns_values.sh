#!/usr/bin/env bash
# One would guess: MONOCHROME1, which a CT may have, says that small values are shown white and leaves the values alone: HU that are read from such
# a file, or converted from it, are those of the same file with MONOCHROME2.
# Seen: so it is in dcm2niix, dicomtonifti and pydicom. medcon (with -qc for rescaled values) turns each slice round between its own smallest and largest value: 0 HU
# is 0 in the one and 2000 in the next. daikon, which viewers on the web read with, takes what it calls interpreted data from 4095: 0 HU is
# 2047, and of signed pixels all below 0 become 32767. plastimatch refuses the file. The others exit with 0 and say nothing.
# Matters: air becomes bone where medcon or daikon is in the chain, in medcon by another amount in each slice, and lung cannot be told from air in a
# signed image in daikon. Look at PhotometricInterpretation before; with MONOCHROME2 in its place all of them read the file right.
# Debian 12 dcm2niix 1.0.20220720-1+deb12u1, vtk-dicom-tools 0.8.14-3.1, medcon 0.23.0-gtk3+dfsg-1+deb12u2, plastimatch 1.9.4+dfsg.2-0+deb12u1,
# python3-pydicom 2.3.1-1, npm daikon 1.2.46, inputs made with dcmtk. Output seen (two slices of -1000 0 40 1000 and -1000 0 40 3000 HU):
#   MONOCHROME2
#   dcm2niix: -1000 0 40 1000, -1000 0 40 3000
#   dicomtonifti: -1000 0 40 1000, -1000 0 40 3000
#   pydicom: -1000 0 40 1000, -1000 0 40 3000
#   medcon: -1000 0 40 1000, -1000 0 40 3000
#   daikon: -1000 0 40 1000, -1000 0 40 3000; signed: -1000 0 40 1000, -1000 0 40 3000
#   plastimatch: exit 0
#   MONOCHROME1
#   dcm2niix: -1000 0 40 1000, -1000 0 40 3000
#   dicomtonifti: -1000 0 40 1000, -1000 0 40 3000
#   pydicom: -1000 0 40 1000, -1000 0 40 3000
#   medcon: 1000 0 -40 -1000, 3000 2000 1960 -1000
#   daikon: 3047 2047 2007 1047, 3047 2047 2007 -953; signed: 32767 32767 32727 31767, 32767 32767 32727 29767
#   plastimatch: exit 1
set -euo pipefail
for package in dcm2niix=1.0.20220720-1+deb12u1 vtk-dicom-tools=0.8.14-3.1 medcon=0.23.0-gtk3+dfsg-1+deb12u2 plastimatch=1.9.4+dfsg.2-0+deb12u1 \
	python3-pydicom=2.3.1-1; do
	[ "$(dpkg-query -W -f '${Version}' "${package%%=*}")" = "${package#*=}" ] || { echo "needs $package of Debian 12"; exit 1; }
done
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
echo '{"private": true}' > package.json
npm install --silent --ignore-scripts --no-audit --no-fund daikon@1.2.46 > /dev/null
cat > nifti.py <<'PY'
import struct
import sys

import numpy as np

header = open(sys.argv[1], "rb").read()
kind = {4: "<i2", 16: "<f4", 512: "<u2"}[struct.unpack_from("<h", header, 70)[0]]
at, slope, intercept = struct.unpack_from("<3f", header, 108)
rows = np.frombuffer(header, kind, 32, int(at)).reshape(2, 4, 4)[:, 0] * (slope or 1) + intercept
to_mm = struct.unpack_from("<12f", header, 280)
if to_mm[0] > 0:
    rows = rows[:, ::-1]  # columns from the patient's left
print(", ".join(" ".join(f"{v:.0f}" for v in row) for row in rows))
PY
cat > daikon.js <<'JS'
const { readFileSync } = require("fs");
const daikon = require("daikon");

const rows = (folder) => [0, 1].map((n) => {
  const file = readFileSync(`${folder}/${n}.dcm`);
  const image = daikon.Series.parseImage(new DataView(file.buffer.slice(file.byteOffset, file.byteOffset + file.length)));
  return [...image.getInterpretedData(false, true).data.slice(0, 4)].join(" ");
}).join(", ");
console.log(`daikon: ${rows("unsigned")}; signed: ${rows("signed")}`);
JS
cat > pydicom_rows.py <<'PY'
from pydicom import dcmread

images = [dcmread(f"unsigned/{n}.dcm") for n in range(2)]
print("pydicom: " + ", ".join(" ".join(str(int(v) + int(i.RescaleIntercept)) for v in i.pixel_array[0]) for i in images))
PY
make() { # folder, interpretation, sign, intercept, air, water, tissue, the largest of each slice
	mkdir -p "$1"
	for n in 0 1; do
		local last=${8%,*}
		[ $n = 0 ] || last=${8#*,}
		local row="\\$5\\$6\\$7\\$last"
		cat > ct.dump <<DUMP
(0008,0008) CS ORIGINAL\\PRIMARY\\AXIAL
(0008,0016) UI 1.2.840.10008.5.1.4.1.1.2
(0008,0018) UI 2.25.5$n
(0008,0060) CS CT
(0018,0050) DS 2
(0020,000d) UI 2.25.3
(0020,000e) UI 2.25.4
(0020,0011) IS 1
(0020,0013) IS $((n + 1))
(0020,0032) DS 0\\0\\$((2 * n))
(0020,0037) DS 1\\0\\0\\0\\1\\0
(0020,0052) UI 2.25.6
(0028,0002) US 1
(0028,0004) CS $2
(0028,0010) US 4
(0028,0011) US 4
(0028,0030) DS 1\\1
(0028,0100) US 16
(0028,0101) US $((12 + 4 * $3))
(0028,0102) US $((11 + 4 * $3))
(0028,0103) US $3
(0028,1052) DS $4
(0028,1053) DS 1
(7fe0,0010) OW ${row#\\}$row$row$row
DUMP
		dump2dcm +te ct.dump "$1/$n.dcm"
	done
}
for kind in MONOCHROME2 MONOCHROME1; do
	rm -rf unsigned signed ./*.nii
	make unsigned $kind 0 -1024 0018 0400 0428 07e8,0fb8
	make signed $kind 1 0 fc18 0000 0028 03e8,0bb8
	echo $kind
	dcm2niix -f dcm2niix -o . unsigned > log
	echo "dcm2niix: $(/usr/bin/python3 nifti.py dcm2niix.nii)"
	dicomtonifti -s -o dicomtonifti.nii unsigned/*.dcm
	echo "dicomtonifti: $(/usr/bin/python3 nifti.py dicomtonifti.nii)"
	/usr/bin/python3 pydicom_rows.py
	medcon -f unsigned/?.dcm -n -qc -c nifti -stack3d -o medcon.nii -w -s > log 2>&1
	echo "medcon: $(/usr/bin/python3 nifti.py medcon.nii)"
	node daikon.js
	status=0; plastimatch convert --input unsigned --output-img plastimatch.nii > log 2>&1 || status=$?
	echo "plastimatch: exit $status"
done | tee out
diff out - <<'SEEN'
MONOCHROME2
dcm2niix: -1000 0 40 1000, -1000 0 40 3000
dicomtonifti: -1000 0 40 1000, -1000 0 40 3000
pydicom: -1000 0 40 1000, -1000 0 40 3000
medcon: -1000 0 40 1000, -1000 0 40 3000
daikon: -1000 0 40 1000, -1000 0 40 3000; signed: -1000 0 40 1000, -1000 0 40 3000
plastimatch: exit 0
MONOCHROME1
dcm2niix: -1000 0 40 1000, -1000 0 40 3000
dicomtonifti: -1000 0 40 1000, -1000 0 40 3000
pydicom: -1000 0 40 1000, -1000 0 40 3000
medcon: 1000 0 -40 -1000, 3000 2000 1960 -1000
daikon: 3047 2047 2007 1047, 3047 2047 2007 -953; signed: 32767 32767 32727 31767, 32767 32767 32727 29767
plastimatch: exit 1
SEEN
