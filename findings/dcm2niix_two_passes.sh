#!/usr/bin/env bash
# One would guess: dcm2niix makes two volumes of a CT series that holds two passes over the chest, with their own acquisition numbers
# and times, or refuses it; certainly the same from every maker.
# Seen: the maker's name decides. From GE the slices of both passes are sorted into each other and one volume of alternating passes
# comes out, "resolved". From Siemens the second pass is left out with a line about skipped slices. The exit code is 0 in both.
# Matters: a breath between the passes doubles every nodule in the one, and half of the slices are gone in the other; a training set
# made this way hides both. Split by AcquisitionNumber first, and count the slices.
# Debian 12 dcm2niix 1.0.20220720-1+deb12u1, inputs made with dcmtk. Output seen (pass of each slice, from the feet up):
#   GE MEDICAL SYSTEMS: exit 0, 1 volume, passes 1212121212
#   SIEMENS: exit 0, 1 volume, passes 11111
set -euo pipefail
[ "$(dpkg-query -W -f '${Version}' dcm2niix)" = 1.0.20220720-1+deb12u1 ] || { echo "needs dcm2niix 1.0.20220720-1+deb12u1 of Debian 12"; exit 1; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
# slice MAKER NUMBER PASS Z writes a slice of 4 × 4 pixels, each with the number of its pass.
slice() {
	local pixels; pixels=$(printf "\\\\000$3%.0s" {1..16})
	cat > slice.dump <<DUMP
(0008,0008) CS ORIGINAL\\PRIMARY\\AXIAL
(0008,0016) UI 1.2.840.10008.5.1.4.1.1.2
(0008,0018) UI 2.25.5$2
(0008,0022) DA 20200101
(0008,0032) TM 12${3}000
(0008,0060) CS CT
(0008,0070) LO $1
(0018,0050) DS 2
(0018,1030) LO Chest
(0020,000d) UI 2.25.3
(0020,000e) UI 2.25.4
(0020,0011) IS 1
(0020,0012) IS $3
(0020,0013) IS $2
(0020,0032) DS 0\\0\\$4
(0020,0037) DS 1\\0\\0\\0\\1\\0
(0028,0002) US 1
(0028,0004) CS MONOCHROME2
(0028,0010) US 4
(0028,0011) US 4
(0028,0030) DS 1\\1
(0028,0100) US 16
(0028,0101) US 12
(0028,0102) US 11
(0028,0103) US 0
(7fe0,0010) OW ${pixels#\\}
DUMP
	dump2dcm +te slice.dump "series/$2.dcm"
}
for maker in "GE MEDICAL SYSTEMS" SIEMENS; do
	rm -rf series volumes; mkdir series volumes
	number=10
	for pass in 1 2; do
		for i in 0 1 2 3 4; do slice "$maker" $((number++)) $pass $((2 * i + pass)); done
	done
	status=0; dcm2niix -b n -f volume -o volumes series > log || status=$?
	passes=$(for v in volumes/*.nii; do tail -c +353 "$v" | od -An -v -t d2 -w32 | awk '{ printf "%d", $1 }'; done)
	echo "$maker: exit $status, $(ls volumes/*.nii | wc -l) volume, passes $passes"
done | tee out
diff out - <<'SEEN'
GE MEDICAL SYSTEMS: exit 0, 1 volume, passes 1212121212
SIEMENS: exit 0, 1 volume, passes 11111
SEEN
