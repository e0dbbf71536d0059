#!/usr/bin/env node
// Decodes HTJ2K streams with OpenJPEG and OpenJPH, and compares what comes with what Nodulescope made of each.
//
// usage: NODULESCOPE_HTJ2K=DIR go test ./dicomio/codec/internal/j2k -run TestRefined -count 1
//        npm install --no-save @cornerstonejs/codec-openjph@2.4.11
//        docs/peer/htj2k_decoders.mjs DIR
// Needs opj_decompress 2.5 (Debian's libopenjp2-tools). DIR has NAME.j2c, and NAME.raw with 16 bits a pixel.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const folder = process.argv[2];
if (!folder) {
  console.error('usage: htj2k_decoders.mjs DIR');
  process.exit(2);
}
const factory = createRequire(join(process.cwd(), 'x'))('@cornerstonejs/codec-openjph');
const quiet = () => {};
const openjph = await factory({ print: quiet, printErr: quiet });

function pixels(bytes, bits, signed) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const most = 2 ** bits - 1; // OpenJPH leaves values above that
  const out = [];
  for (let i = 0; i < bytes.length; i += bits > 8 ? 2 : 1) {
    const v = bits <= 8 ? bytes[i] : signed ? view.getInt16(i, true) : view.getUint16(i, true);
    out.push(signed ? v : Math.min(v, most));
  }
  return out;
}

function byOpenJPEG(path, bits, signed) {
  const target = path.replace(/\.j2c$/, '.rawl');
  rmSync(target, { force: true });
  spawnSync('opj_decompress', ['-i', path, '-o', target]);
  const bytes = existsSync(target) ? readFileSync(target) : Buffer.alloc(0);
  rmSync(target, { force: true });
  return pixels(bytes, bits, signed);
}

function byOpenJPH(code, bits, signed) {
  const decoder = new openjph.HTJ2KDecoder();
  try {
    decoder.getEncodedBuffer(code.length).set(code);
    decoder.decode();
    return decoder.getFrameInfo().width ? pixels(Buffer.from(decoder.getDecodedBuffer()), bits, signed) : [];
  } catch {
    return [];
  } finally {
    decoder.delete();
  }
}

function verdict(want, got) {
  if (got.length !== want.length) return 'refused';
  const off = want.map((v, i) => Math.abs(v - got[i])).filter((d) => d > 0);
  return off.length ? `${off.length} of ${want.length} pixels off by at most ${Math.max(...off)}` : 'same';
}

console.log('| stream | OpenJPEG | OpenJPH |\n|---|---|---|');
for (const name of readdirSync(folder).filter((n) => n.endsWith('.j2c')).sort()) {
  const path = join(folder, name);
  const code = readFileSync(path);
  const bits = (code[42] & 0x7f) + 1; // SIZ comes first
  const signed = code[42] > 0x7f;
  const want = pixels(readFileSync(path.replace(/\.j2c$/, '.raw')), 16, signed);
  console.log(`| ${name.replace(/\.j2c$/, '')} | ${verdict(want, byOpenJPEG(path, bits, signed))} | ${verdict(want, byOpenJPH(code, bits, signed))} |`);
}
