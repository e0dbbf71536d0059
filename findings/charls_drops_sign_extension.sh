#!/usr/bin/env bash
# One would guess: what a lossless codec gives back are the bytes that went in, so a signed CT of 12 bits (BitsStored 12, BitsAllocated
# 16, sign extended) can be used as it comes from the decoder; it can after JPEG 2000.
# Seen: after JPEG-LS -1 is 4095. The codestream of JPEG-LS has 12 bits and no notion of a sign, so the bits above are gone, and the
# decoder cannot put them back; the frame info of this decoder has no isSigned either. JPEG 2000 carries the sign, and its decoder
# extends it.
# Matters: half of the values of a lossless round trip differ, air becomes metal, and only in one of two lossless syntaxes. Extend the
# sign from BitsStored after every decoder, and compare below that bit only.
# npm @cornerstonejs/codec-charls 1.2.7, @cornerstonejs/codec-openjpeg 1.3.6. Output seen:
#   JPEG-LS: -2048,-1,0,2047 came back as 2048,4095,0,2047
#   JPEG 2000: -2048,-1,0,2047 came back as -2048,-1,0,2047
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
echo '{"private": true}' > package.json
npm install --silent --ignore-scripts --no-audit --no-fund @cornerstonejs/codec-charls@1.2.7 @cornerstonejs/codec-openjpeg@1.3.6 >/dev/null
cat > finding.js <<'JS'
const values = [-2048, -1, 0, 2047], side = 64;

async function roundTrip(file, encoder, decoder, lossless) {
  const codec = await require(`./node_modules/@cornerstonejs/${file}`)();
  const pixels = Int16Array.from({ length: side * side }, (_, i) => values[i % values.length]);
  const e = new codec[encoder]();
  e.getDecodedBuffer({ width: side, height: side, bitsPerSample: 12, componentCount: 1, isSigned: true }).set(new Uint8Array(pixels.buffer));
  lossless(e);
  e.encode();
  const stream = new Uint8Array(e.getEncodedBuffer());
  const d = new codec[decoder]();
  d.getEncodedBuffer(stream.length).set(stream);
  d.decode();
  return new Int16Array(new Uint8Array(d.getDecodedBuffer()).buffer).slice(0, values.length);
}

(async () => {
  const ls = await roundTrip("codec-charls/dist/charlswasm.js", "JpegLSEncoder", "JpegLSDecoder", (e) => e.setNearLossless(0));
  console.log(`JPEG-LS: ${values} came back as ${ls}`);
  const j2k = await roundTrip("codec-openjpeg/dist/openjpegwasm.js", "J2KEncoder", "J2KDecoder", (e) => e.setQuality(true, 0));
  console.log(`JPEG 2000: ${values} came back as ${j2k}`);
})();
JS
node finding.js | grep '^JPEG' | tee out
grep -qx 'JPEG-LS: -2048,-1,0,2047 came back as 2048,4095,0,2047' out
grep -qx 'JPEG 2000: -2048,-1,0,2047 came back as -2048,-1,0,2047' out
