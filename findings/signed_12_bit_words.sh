#!/usr/bin/env bash
# One would guess: a CT of signed 12-bit pixels (Bits Stored 12, High Bit 11, Pixel Representation 1) comes out with its negative values,
# whatever a writer leaves in the four bits above the sign, which PS3.5 8.1.1 gives no meaning.
# Seen: dcm2niix and medcon (with -n for negative values) read -1000 HU as 3096 always, also where the writer has extended the sign: they
# mask twelve bits and forget that the highest is the sign. pydicom's pixel_array, and with it what is built on it, takes the word of 16 bits
# as the value, so it is right with an extended sign and 3096 with zeros above. GDCM and dicomtonifti look at the sign bit. None says a word.
# Matters: lung becomes bone in that part of a chain which uses the one, not in that which uses the other. Take High Bit as the sign, and do
# not trust what is above; a test needs both kinds of files.
# Debian 12 dcm2niix 1.0.20220720-1+deb12u1, python3-pydicom 2.3.1-1, medcon 0.23.0-gtk3+dfsg-1+deb12u2, python3-gdcm 3.0.21-1,
# vtk-dicom-tools 0.8.14-3.1, inputs made with dcmtk. Output seen (two slices of -1000 HU):
#   bits above 0: dcm2niix 3096, pydicom 3096, medcon 3096, gdcm -1000, dicomtonifti -1000
#   sign extended: dcm2niix 3096, pydicom -1000, medcon 3096, gdcm -1000, dicomtonifti -1000
set -euo pipefail
for package in dcm2niix=1.0.20220720-1+deb12u1 python3-pydicom=2.3.1-1 medcon=0.23.0-gtk3+dfsg-1+deb12u2 python3-gdcm=3.0.21-1 vtk-dicom-tools=0.8.14-3.1; do
	[ "$(dpkg-query -W -f '${Version}' "${package%%=*}")" = "${package#*=}" ] || { echo "needs $package of Debian 12"; exit 1; }
done
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
cat > read.py <<'PY'
import struct
import sys

import gdcm
import pydicom


def nifti(path):
    b = open(path, "rb").read()
    return struct.unpack_from("<h", b, int(struct.unpack_from("<f", b, 108)[0]))[0]


folder = sys.argv[1]
reader = gdcm.ImageReader()
reader.SetFileName(f"{folder}/0.dcm")
reader.Read()
raw = reader.GetImage().GetBuffer().encode("utf-8", errors="surrogateescape")
print(f"dcm2niix {nifti(folder + '/niix.nii')}, pydicom {pydicom.dcmread(folder + '/0.dcm').pixel_array[0, 0]}, medcon {nifti(folder + '/medcon.nii')}, "
      f"gdcm {struct.unpack_from('<h', raw)[0]}, dicomtonifti {nifti(folder + '/vtk.nii')}")
PY
make() { # folder, pixel
	mkdir "$1"
	for n in 0 1; do
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
(0028,0004) CS MONOCHROME2
(0028,0010) US 4
(0028,0011) US 4
(0028,0030) DS 1\\1
(0028,0100) US 16
(0028,0101) US 12
(0028,0102) US 11
(0028,0103) US 1
(0028,1052) DS 0
(0028,1053) DS 1
(7fe0,0010) OW $2$(printf '\\'"$2%.0s" {1..15})
DUMP
		dump2dcm +te ct.dump "$1/$n.dcm"
	done
	dcm2niix -f niix -o "$1" "$1" > log
	medcon -f "$1"/?.dcm -n -c nifti -stack3d -o "$1/medcon.nii" -w -s > log 2>&1
	dicomtonifti -o "$1/vtk.nii" "$1"/?.dcm
	/usr/bin/python3 read.py "$1"
}
{
	echo "bits above 0: $(make zero 0c18)"
	echo "sign extended: $(make extended fc18)"
} | tee out
diff out - <<'SEEN'
bits above 0: dcm2niix 3096, pydicom 3096, medcon 3096, gdcm -1000, dicomtonifti -1000
sign extended: dcm2niix 3096, pydicom -1000, medcon 3096, gdcm -1000, dicomtonifti -1000
SEEN
