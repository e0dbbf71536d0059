#!/usr/bin/env bash
# One would guess: near-lossless JPEG-LS changes a pixel by no more than was allowed and keeps it within Bits Stored: the code says how many
# bits its samples have, and a decoder clips to that. So a saturated CT (metal, 4095 of 12 bits) stays bright.
# Seen: gdcmconv writes 12 bits as samples of 16, so nothing is clipped, and 4095 comes back as up to 4095 plus the error, with Bits Stored still 12.
# dcmdjpls and gdcmconv keep the 13th bit; what looks at 12 bits only, as the standard has it, sees 4097 as 1: dcm2pnm draws metal with
# black holes. dcmcjpls with the same error stays within 12 bits.
# Matters: the largest possible value becomes the smallest, or not, as the next program pleases; implants, and masks by threshold, get holes.
# Clip to Bits Stored behind the decoder; do not mask.
# Debian 12 libgdcm-tools 3.0.21-1, dcmtk 3.6.7-9~deb12u4. Output seen:
#   gdcmconv: largest 4097, above 4095: 17 of 2048; drawn there: 0; elsewhere in the metal: 255
#   dcmcjpls: largest 4095, above 4095: 0 of 2048
set -euo pipefail
for p in libgdcm-tools=3.0.21-1 dcmtk=3.6.7-9~deb12u4; do
	[ "$(dpkg-query -W -f '${Version}' "${p%%=*}")" = "${p#*=}" ] || { echo "needs ${p%%=*} ${p#*=} of Debian 12"; exit 1; }
done
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
cat > ct.dump <<DUMP
(0008,0016) UI 1.2.840.10008.5.1.4.1.1.2
(0008,0018) UI 2.25.1
(0008,0060) CS CT
(0010,0010) PN Synthetic
(0020,000d) UI 2.25.2
(0020,000e) UI 2.25.3
(0028,0002) US 1
(0028,0004) CS MONOCHROME2
(0028,0010) US 64
(0028,0011) US 64
(0028,0100) US 16
(0028,0101) US 12
(0028,0102) US 11
(0028,0103) US 0
(0028,1052) DS -1024
(0028,1053) DS 1
(7fe0,0010) OW =pixels
DUMP
# 32 rows of metal, 4093 to 4095, in soft tissue
/usr/bin/python3 -c 'import random, struct; random.seed(1); open("pixels", "wb").write(struct.pack("<4096H", *[random.choice((4093, 4094, 4095)) if 1024 <= i < 3072 else random.randint(900, 1100) for i in range(4096)]))'
dump2dcm +te ct.dump ct.dcm
gdcmconv --jpegls --lossy -e 2 ct.dcm gdcm.dcm > /dev/null 2>&1
dcmcjpls +en +md 2 ct.dcm dcmtk.dcm
for how in gdcm dcmtk; do
	dcmdjpls $how.dcm raw-$how.dcm
	dcmdump +W . +P PixelData raw-$how.dcm > /dev/null
	dcm2pnm +Ww 1000 4000 raw-$how.dcm $how.pgm
done
/usr/bin/python3 - <<'PY' | tee out
import struct
for how, name in (("gdcm", "gdcmconv"), ("dcmtk", "dcmcjpls")):
    pixels = struct.unpack("<4096H", open("raw-%s.dcm.0.raw" % how, "rb").read())
    drawn = open(how + ".pgm", "rb").read()[-4096:]
    above = [i for i in range(4096) if pixels[i] > 4095]
    text = "%s: largest %d, above 4095: %d of 2048" % (name, max(pixels), len(above))
    if above:
        text += "; drawn there: %s; elsewhere in the metal: %s" % tuple(
            " ".join(sorted({str(drawn[i]) for i in range(4096) if 1024 <= i < 3072 and (i in above) == there})) for there in (True, False))
    print(text)
PY
grep -qx 'gdcmconv: largest 4097, above 4095: 17 of 2048; drawn there: 0; elsewhere in the metal: 255' out
grep -qx 'dcmcjpls: largest 4095, above 4095: 0 of 2048' out
