#!/usr/bin/env bash
# One would guess: dciodvfy, the usual check of DICOM objects, exits with 1 where it prints an Error, as it does for a missing element, a slope of 0
# or directions that are not at right angles; and what it says nothing about it has checked.
# Seen: some Errors leave the exit code at 0: Bits Stored against High Bit, an element that may not be there. And for a CT it says nothing about a
# Modality of MR, a Pixel Spacing below 0, a thirteenth month, an unsigned Pixel Padding Value (US 63536 for -2000) in a signed image, two window
# centres with one width.
# Matters: a gate in a pipeline that looks at the exit code lets through what a reader then decodes one bit off, mirrors or files as another
# modality. Look for lines that begin with Error, and check these five yourself.
# Debian 12 dicom3tools 1.00~20220618093127-2, inputs made with dcmtk. Output seen:
#   nothing changed: exit 0, errors 0
#   Rescale Slope 0: exit 1, errors 1
#   no Frame of Reference UID: exit 1, errors 1
#   High Bit 14 with Bits Stored 16: exit 0, errors 1
#   Laterality of a chest: exit 0, errors 1
#   Modality MR: exit 0, errors 0
#   Pixel Spacing -1\1: exit 0, errors 0
#   Study Date 20201332: exit 0, errors 0
#   Pixel Padding Value US 63536: exit 0, errors 0
#   Window Center 40\50, Width 400: exit 0, errors 0
set -euo pipefail
for package in dicom3tools=1.00~20220618093127-2 dcmtk=3.6.7-9~deb12u4; do
	[ "$(dpkg-query -W -f '${Version}' "${package%%=*}")" = "${package#*=}" ] || { echo "needs $package of Debian 12"; exit 1; }
done
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
cat > ct.dump <<'DUMP'
(0008,0008) CS ORIGINAL\PRIMARY\AXIAL
(0008,0016) UI 1.2.840.10008.5.1.4.1.1.2
(0008,0018) UI 2.25.5
(0008,0020) DA 20200101
(0008,0030) TM 120000
(0008,0050) SH
(0008,0060) CS CT
(0008,0070) LO Maker
(0008,0090) PN
(0010,0010) PN Doe^Jane
(0010,0020) LO 1
(0010,0030) DA
(0010,0040) CS O
(0018,0015) CS CHEST
(0018,0050) DS 2
(0018,0060) DS 120
(0018,5100) CS HFS
(0020,000d) UI 2.25.3
(0020,000e) UI 2.25.4
(0020,0010) SH 1
(0020,0011) IS 1
(0020,0012) IS 1
(0020,0013) IS 1
(0020,0032) DS 0\0\0
(0020,0037) DS 1\0\0\0\1\0
(0020,0052) UI 2.25.6
(0020,1040) LO
(0028,0002) US 1
(0028,0004) CS MONOCHROME2
(0028,0010) US 2
(0028,0011) US 2
(0028,0030) DS 1\1
(0028,0100) US 16
(0028,0101) US 16
(0028,0102) US 15
(0028,0103) US 1
(0028,1052) DS 0
(0028,1053) DS 1
(7fe0,0010) OW 0000\0000\0000\0000
DUMP
check() { # text, pattern of the element to leave out, elements to add
	local status=0
	{ grep -v "$2" ct.dump || :; printf '%s\n' "${@:3}"; } | sort > changed.dump
	dump2dcm -q +te changed.dump changed.dcm
	dciodvfy changed.dcm > log 2>&1 || status=$?
	echo "$1: exit $status, errors $(grep -c ^Error log || :)"
}
{
	check 'nothing changed' none
	check 'Rescale Slope 0' 0028,1053 '(0028,1053) DS 0'
	check 'no Frame of Reference UID' 0020,0052
	check 'High Bit 14 with Bits Stored 16' 0028,0102 '(0028,0102) US 14'
	check 'Laterality of a chest' none '(0020,0060) CS L'
	check 'Modality MR' 0008,0060 '(0008,0060) CS MR'
	check 'Pixel Spacing -1\1' 0028,0030 '(0028,0030) DS -1\1'
	check 'Study Date 20201332' 0008,0020 '(0008,0020) DA 20201332'
	check 'Pixel Padding Value US 63536' none '(0028,0120) US 63536'
	check 'Window Center 40\50, Width 400' none '(0028,1050) DS 40\50' '(0028,1051) DS 400'
} | tee out
diff out - <<'SEEN'
nothing changed: exit 0, errors 0
Rescale Slope 0: exit 1, errors 1
no Frame of Reference UID: exit 1, errors 1
High Bit 14 with Bits Stored 16: exit 0, errors 1
Laterality of a chest: exit 0, errors 1
Modality MR: exit 0, errors 0
Pixel Spacing -1\1: exit 0, errors 0
Study Date 20201332: exit 0, errors 0
Pixel Padding Value US 63536: exit 0, errors 0
Window Center 40\50, Width 400: exit 0, errors 0
SEEN
