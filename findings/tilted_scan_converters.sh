#!/usr/bin/env bash
# One would guess: a CT with a tilted gantry, whose slices are shifted against each other, is converted with its geometry or refused; where a
# converter straightens it, it says so, keeps all of the pixels and fills the corners as outside the scan.
# Seen: plastimatch stacks the slices straight, as if the shift were not there. dicomtonifti straightens them without a word in a volume
# of as many rows as a slice, so that what is shifted out of them is cut off, and fills the corners with 0, which in HU is water. Both exit with 0.
# Matters: the one moves a nodule by centimetres at the end of a tilted scan, the other cuts off its back and adds a body of water. Look at
# whether ImagePositionPatient moves along the normal of ImageOrientationPatient first.
# Debian 12 plastimatch 1.9.4+dfsg.2-0+deb12u1, vtk-dicom-tools 0.8.14-3.1, inputs made with dcmtk. Output seen (eight slices of air, -1000 HU, of
# 8 × 8 pixels, each 2 mm above and 1 mm behind the one before; a pixel of 1000 HU at 0 14 14 mm in the last one):
#   plastimatch: exit 0, 8 × 8 × 8; brightest 1000 HU at 0 7 14 mm; voxels of 0 HU: 0
#   dicomtonifti: exit 0, 0 lines said, 8 × 8 × 8; brightest 0 HU at 7 10 0 mm; voxels of 0 HU: 96
set -euo pipefail
for package in plastimatch=1.9.4+dfsg.2-0+deb12u1 vtk-dicom-tools=0.8.14-3.1 dcmtk=3.6.7-9~deb12u4 python3-numpy=1:1.24.2-1+deb12u1; do
	[ "$(dpkg-query -W -f '${Version}' "${package%%=*}")" = "${package#*=}" ] || { echo "needs $package of Debian 12"; exit 1; }
done
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
mkdir series
for n in {0..7}; do
	pixels=$(printf '\\fc18%.0s' {1..64})
	[ "$n" = 7 ] && pixels=$(printf '\\fc18%.0s' {1..56})'\03e8'$(printf '\\fc18%.0s' {1..7})
	cat > ct.dump <<DUMP
(0008,0008) CS ORIGINAL\\PRIMARY\\AXIAL
(0008,0016) UI 1.2.840.10008.5.1.4.1.1.2
(0008,0018) UI 2.25.5$n
(0008,0060) CS CT
(0018,0050) DS 2
(0020,000d) UI 2.25.3
(0020,000e) UI 2.25.4
(0020,0013) IS $n
(0020,0032) DS 0\\$n\\$((2 * n))
(0020,0037) DS 1\\0\\0\\0\\1\\0
(0020,0052) UI 2.25.6
(0028,0002) US 1
(0028,0004) CS MONOCHROME2
(0028,0010) US 8
(0028,0011) US 8
(0028,0030) DS 1\\1
(0028,0100) US 16
(0028,0101) US 16
(0028,0102) US 15
(0028,0103) US 1
(0028,1052) DS 0
(0028,1053) DS 1
(7fe0,0010) OW ${pixels#\\}
DUMP
	dump2dcm +te ct.dump "series/$n.dcm"
done
cat > read.py <<'PY'
import sys

import numpy as np

header = open(sys.argv[2], "rb").read()
size = np.frombuffer(header, "<i2", 3, 42)
kind = {4: "<i2", 16: "<f4"}[np.frombuffer(header, "<i2", 1, 70)[0]]
to_mm = np.diag([-1, -1, 1]) @ np.frombuffer(header, "<f4", 12, 280).reshape(3, 4)  # LPS, as in DICOM
volume = np.frombuffer(header, kind, size.prod(), 352).reshape(size[::-1])
z, y, x = np.unravel_index(volume.argmax(), volume.shape)
at = " ".join(f"{v:.0f}" for v in to_mm @ [x, y, z, 1] + 0.0)
print(f"{sys.argv[1]}, {' × '.join(map(str, size))}; brightest {volume.max():.0f} HU at {at} mm; voxels of 0 HU: {np.count_nonzero(volume == 0)}")
PY
status=0; plastimatch convert --input series --output-img plastimatch.nii > log 2>&1 || status=$?
/usr/bin/python3 read.py "plastimatch: exit $status" plastimatch.nii | tee out
status=0; dicomtonifti -o dicomtonifti.nii series/*.dcm > log 2>&1 || status=$?
/usr/bin/python3 read.py "dicomtonifti: exit $status, $(wc -l < log) lines said" dicomtonifti.nii | tee -a out
grep -qx 'plastimatch: exit 0, 8 × 8 × 8; brightest 1000 HU at 0 7 14 mm; voxels of 0 HU: 0' out
grep -qx 'dicomtonifti: exit 0, 0 lines said, 8 × 8 × 8; brightest 0 HU at 7 10 0 mm; voxels of 0 HU: 96' out
