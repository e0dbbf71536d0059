#!/usr/bin/env node
// Decodes HTJ2K streams with OpenJPEG, OpenJPH and FFmpeg, and compares what comes with what Nodulescope made of each.
//
// usage: NODULESCOPE_HTJ2K=DIR go test ./dicomio/codec/internal/j2k -run 'TestRefined|TestMixed' -count 1
//        npm install --no-save --ignore-scripts @cornerstonejs/codec-openjph@2.4.11 node-av@6.1.1 @seydx/node-av-linux-x64@6.1.1
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
const require = createRequire(join(process.cwd(), 'x'));
const factory = require('@cornerstonejs/codec-openjph');
const { Codec, CodecContext, Frame, Log, Packet } = await import(require.resolve('node-av/lib'));
Log.setLevel(-8);
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

async function byFFmpeg(code, bits, signed) {
  const codec = Codec.findDecoderByName('jpeg2000');
  const context = new CodecContext();
  context.allocContext3(codec);
  await context.open2(codec, null);
  const [packet, frame] = [new Packet(), new Frame()];
  packet.alloc();
  frame.alloc();
  packet.data = code;
  await context.sendPacket(packet);
  await context.sendPacket(null);
  if ((await context.receiveFrame(frame)) < 0) return [];
  const [data, stride, wide] = [frame.data[0], frame.linesize[0], bits > 8];
  const out = []; // grey of 16 bits, the highest ones used; signs are shifted
  for (let y = 0; y < frame.height; y++) {
    for (let x = 0; x < frame.width; x++) {
      const v = wide ? data.readUInt16LE(y * stride + 2 * x) >> (16 - bits) : data[y * stride + x];
      out.push(signed ? v - 2 ** (bits - 1) : v);
    }
  }
  return out;
}

function verdict(want, got) {
  if (got.length !== want.length) return 'refused';
  const off = want.map((v, i) => Math.abs(v - got[i])).filter((d) => d > 0);
  return off.length ? `${off.length} of ${want.length} pixels off by at most ${Math.max(...off)}` : 'same';
}

console.log('| stream | OpenJPEG | OpenJPH | FFmpeg |\n|---|---|---|---|');
for (const name of readdirSync(folder).filter((n) => n.endsWith('.j2c')).sort()) {
  const path = join(folder, name);
  const code = readFileSync(path);
  const bits = (code[42] & 0x7f) + 1; // SIZ comes first
  const signed = code[42] > 0x7f;
  const want = pixels(readFileSync(path.replace(/\.j2c$/, '.raw')), 16, signed);
  console.log(`| ${name.replace(/\.j2c$/, '')} | ${verdict(want, byOpenJPEG(path, bits, signed))} | ${verdict(want, byOpenJPH(code, bits, signed))} | ${verdict(want, await byFFmpeg(code, bits, signed))} |`);
}
