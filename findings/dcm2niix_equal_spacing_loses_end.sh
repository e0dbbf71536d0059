#!/usr/bin/env bash
# One would guess: where slices are missing, the volume that dcm2niix resamples to equal distances (its name ends in _Eq) reaches from
# the first slice to the last, as its warning says that the other one is not fit for NIfTI.
# Seen: the last slice is missing. Ten slices at 0 to 9 mm and ten at 20 to 29 mm should give 30 of 1 mm; 29 come out, and what was at 29 mm is
# in none. The exit code is 0, as if nothing was missing, and the gap is filled with what looks like slices.
# Matters: the end of the lung goes from the volume that is the right one to use, and its number of slices says that the scan was shorter.
# Debian 12 dcm2niix 1.0.20220720-1+deb12u1, inputs made with dcmtk. Output seen (the position of each slice as its pixels say):
#   exit 0, 29 slices: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28
set -euo pipefail
[ "$(dpkg-query -W -f '${Version}' dcm2niix)" = 1.0.20220720-1+deb12u1 ] || { echo "needs dcm2niix 1.0.20220720-1+deb12u1 of Debian 12"; exit 1; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
mkdir series volumes
number=10
for z in {0..9} {20..29}; do
	pixels=$(printf "\\\\$(printf %04x "$z")%.0s" {1..16})
	cat > slice.dump <<DUMP
(0008,0008) CS ORIGINAL\\PRIMARY\\AXIAL
(0008,0016) UI 1.2.840.10008.5.1.4.1.1.2
(0008,0018) UI 2.25.5$number
(0008,0060) CS CT
(0008,0070) LO GE MEDICAL SYSTEMS
(0018,0050) DS 1
(0018,1030) LO Chest
(0020,000d) UI 2.25.3
(0020,000e) UI 2.25.4
(0020,0011) IS 1
(0020,0013) IS $number
(0020,0032) DS 0\\0\\$z
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
	dump2dcm +te slice.dump "series/$((number++)).dcm"
done
status=0; dcm2niix -b n -f volume -o volumes series > log || status=$?
tail -c +353 volumes/volume_Eq_1.nii | od -An -v -t d2 -w32 | awk '{ print $1 }' > positions
echo "exit $status, $(wc -l < positions) slices: $(xargs < positions)" | tee out
grep -qx 'exit 0, 29 slices: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28' out
