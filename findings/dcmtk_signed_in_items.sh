#!/usr/bin/env bash
# One would guess: dcmconv, which writes an "US or SS" element of a signed image as SS when it goes from implicit to explicit VR, does so
# in the items of sequences too.
# Seen: at the top of the data set only. In an item PixelRepresentation, which stands outside it, is not looked for: the first value of a
# real world value mapping, -1024, becomes US 64512 next to a PixelPaddingValue of SS -2000. dcmdump shows it so even before.
# Matters: the file is now explicit and wrong, and no reader can tell any more; a mapping or a modality LUT of a signed CT no longer
# covers its values. gdcmconv keeps such elements as UN instead.
# Debian 12 dcmtk 3.6.7-9~deb12u4. Output seen:
#   PixelPaddingValue SS -2000, RealWorldValueFirstValueMapped US 64512
set -euo pipefail
[ "$(dpkg-query -W -f '${Version}' dcmtk)" = 3.6.7-9~deb12u4 ] || { echo "needs dcmtk 3.6.7-9~deb12u4 of Debian 12"; exit 1; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
cat > ct.dump <<'DUMP'
(0008,0016) UI 1.2.840.10008.5.1.4.1.1.2
(0008,0018) UI 2.25.1
(0028,0103) US 1
(0028,0120) SS -2000
(0040,9096) SQ
(fffe,e000) -
(0040,9211) SS 3071
(0040,9216) SS -1024
(0040,9224) FD 0
(0040,9225) FD 1
(fffe,e00d) -
(fffe,e0dd) -
DUMP
dump2dcm +ti ct.dump implicit.dcm
dcmconv +te implicit.dcm explicit.dcm
element() { dcmdump +P "$1" explicit.dcm | sed -E 's/^ *\([^)]*\) (..) ([-0-9]+) .*/\1 \2/'; }
echo "PixelPaddingValue $(element 0028,0120), RealWorldValueFirstValueMapped $(element 0040,9216)" | tee out
grep -qx 'PixelPaddingValue SS -2000, RealWorldValueFirstValueMapped US 64512' out
