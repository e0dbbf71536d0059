#!/usr/bin/env bash
# One would guess: mrconvert reads a CT of signed pixels (Pixel Representation 1) as signed, as most scanners and every converter write it.
# Seen: it takes every DICOM image of 16 bits as unsigned. -1000 HU comes out as 64536, mrinfo says "unsigned 16 bit integer", and nothing is
# told. With a Rescale Intercept of -1024 it is 63512. Unsigned pixels are right, so that one scanner's series are and another's are not.
# Matters: all of the lung lies above every bone, and what registers, thresholds or learns from such volumes has no error to stop at. Look for
# values above 32767 after it, or convert with another program.
# Debian 12 mrtrix3 3.0.3-3+b1, inputs made with dcmtk. Output seen (four slices, -1000 HU as signed pixels, as unsigned with an intercept):
#   signed, intercept 0: unsigned 16 bit integer (little endian), 64536
#   signed, intercept -1024: unsigned 16 bit integer (little endian), 63512
#   unsigned, intercept -1024: unsigned 16 bit integer (little endian), -1000
set -euo pipefail
[ "$(dpkg-query -W -f '${Version}' mrtrix3)" = 3.0.3-3+b1 ] || { echo "needs mrtrix3=3.0.3-3+b1 of Debian 12"; exit 1; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
read_series() { # name, Pixel Representation, pixel, intercept
	mkdir "$1"
	for n in 0 1 2 3; do
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
(0028,0101) US 16
(0028,0102) US 15
(0028,0103) US $2
(0028,1052) DS $4
(0028,1053) DS 1
(7fe0,0010) OW $3$(printf '\\'"$3%.0s" {1..15})
DUMP
		dump2dcm +te ct.dump "$1/$n.dcm"
	done
	long=$(mrinfo -quiet "$1" < /dev/null | sed -n 's/ *Data type: *//p')
	mrconvert -quiet "$1" "$1.mif" -datatype float32 < /dev/null
	echo "$long, $(mrstats -quiet -output min "$1.mif" | tr -d ' ')"
}
{
	echo "signed, intercept 0: $(read_series a 1 fc18 0)"
	echo "signed, intercept -1024: $(read_series b 1 fc18 -1024)"
	echo "unsigned, intercept -1024: $(read_series c 0 0018 -1024)"
} | tee out
diff out - <<'SEEN'
signed, intercept 0: unsigned 16 bit integer (little endian), 64536
signed, intercept -1024: unsigned 16 bit integer (little endian), 63512
unsigned, intercept -1024: unsigned 16 bit integer (little endian), -1000
SEEN
