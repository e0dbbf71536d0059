#!/usr/bin/env bash
# One would guess: dcmscale of an image that is the same value everywhere gives that value, whatever the size and the method.
# Seen: for values of 0 and more. -1000 becomes -998 by its own default and -999 with +i 2, also where it only doubles the pixels; with -i,
# +i 3 and +i 4 it stays.
# Matters: a signed CT loses 2 HU of lung and none of bone in a thumbnail or a resampled copy, and thresholds in the lung (-950, -910) move.
# Use -i or +i 3 on signed images.
# Debian 12 dcmtk 3.6.7-9~deb12u4. Output seen:
#   -1000: default -998, +i 1 -998, +i 2 -999, +i 3 -1000, +i 4 -1000, -i -1000
#   1000: default 1000, +i 1 1000, +i 2 1000, +i 3 1000, +i 4 1000, -i 1000
set -euo pipefail
[ "$(dpkg-query -W -f '${Version}' dcmtk)" = 3.6.7-9~deb12u4 ] || { echo "needs dcmtk 3.6.7-9~deb12u4 of Debian 12"; exit 1; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
# scaled VALUE OPTIONS... is what pixel (4, 4) of 16 × 16 is after 8 × 8 pixels of the value, but for the last, -2000, were doubled.
scaled() {
	value=$1; shift
	cat > ct.dump <<DUMP
(0008,0016) UI 1.2.840.10008.5.1.4.1.1.2
(0008,0018) UI 2.25.1
(0028,0002) US 1
(0028,0004) CS MONOCHROME2
(0028,0010) US 8
(0028,0011) US 8
(0028,0100) US 16
(0028,0101) US 16
(0028,0102) US 15
(0028,0103) US 1
(0028,1052) DS 0
(0028,1053) DS 1
(7fe0,0010) OW =pixels
DUMP
	/usr/bin/python3 - "$value" <<'PY'
import struct, sys
open("pixels", "wb").write(struct.pack("<64h", *[int(sys.argv[1])] * 63, -2000))
PY
	dump2dcm +te ct.dump ct.dcm
	dcmscale "$@" +Sxv 16 ct.dcm out.dcm
	rm -f out.dcm.0.raw
	dcmdump +W . +P PixelData out.dcm > /dev/null
	od -A n -t d2 -j $((2 * (4 * 16 + 4))) -N 2 out.dcm.0.raw | tr -d ' '
}
for value in -1000 1000; do
	echo "$value: default $(scaled $value), +i 1 $(scaled $value +i 1), +i 2 $(scaled $value +i 2), +i 3 $(scaled $value +i 3), +i 4 $(scaled $value +i 4), -i $(scaled $value -i)"
done | tee out
diff out - <<'SEEN'
-1000: default -998, +i 1 -998, +i 2 -999, +i 3 -1000, +i 4 -1000, -i -1000
1000: default 1000, +i 1 1000, +i 2 1000, +i 3 1000, +i 4 1000, -i 1000
SEEN
