#!/usr/bin/env bash
# One would guess: the mean of a volume in onnxruntime may be off in the sixth digit in float32, but lies between the smallest and the
# largest value, and is the same from ReduceMean, GlobalAveragePool and what InstanceNormalization subtracts.
# Seen: from some 100 voxels in each direction on it does not. 160 × 160 × 160 voxels of -1000 and -999 by turns have a mean of -1008 by
# GlobalAveragePool and -994 by ReduceMean, and after InstanceNormalization, which should leave a mean of 0, one of -1. The sums run in
# float32 from end to end, in few lanes, where each addend is rounded to whole numbers and more. At 32³ all is right.
# Matters: a network with a norm or a pool over the whole CT passes its test on patches and is off by several HU on a scan. Take a fixed
# offset off first (air at 0 does not add up), or pool in steps.
# npm onnxruntime-node 1.30.0 (its CPU provider, x86-64 with AVX-512; other processors differ in the digits). Output seen:
#   32 × 32 × 32 (mean -999.5): GlobalAveragePool -999.5, ReduceMean -999.5, mean after InstanceNormalization 0.0
#   160 × 160 × 160 (mean -999.5): GlobalAveragePool -1008.2, ReduceMean -994.1, mean after InstanceNormalization -1.0
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
echo '{"private": true}' > package.json
npm install --silent --ignore-scripts --no-audit --no-fund onnxruntime-node@1.30.0 >/dev/null
cat > finding.mjs <<'JS'
import ort from "onnxruntime-node";

// ONNX models in protocol buffers, by the field numbers of onnx.proto.
const varint = (n) => (n < 128 ? [n] : [(n % 128) | 128, ...varint(Math.floor(n / 128))]);
const int = (field, n) => Buffer.from([...varint(field * 8), ...varint(n)]);
const bytes = (field, b) => Buffer.concat([Buffer.from([...varint(field * 8 + 2), ...varint(Buffer.from(b).length)]), Buffer.from(b)]);
const message = (field, ...parts) => bytes(field, Buffer.concat(parts));
const tensor = (field, name, dims) => message(field, bytes(1, name), message(2, message(1, int(1, 1), message(2, ...dims.map((d) => message(1, bytes(2, d)))))));

// run is one node over the volume x; scale 1 and bias 0 are for InstanceNormalization, the axes for ReduceMean.
async function run(op, x) {
  const inputs = op === "InstanceNormalization" ? ["x", "scale", "bias"] : op === "ReduceMean" ? ["x", "axes"] : ["x"];
  const one = (name, value) => message(5, int(1, 1), int(2, 1), bytes(8, name), bytes(9, Buffer.from(Float32Array.of(value).buffer)));
  const axes = message(5, int(1, 3), int(2, 7), bytes(8, "axes"), bytes(9, Buffer.from(BigInt64Array.of(2n, 3n, 4n).buffer)));
  const graph = [message(1, ...inputs.map((i) => bytes(1, i)), bytes(2, "y"), bytes(4, op)), bytes(2, "g"), one("scale", 1), one("bias", 0), axes,
    tensor(11, "x", ["n", "c", "z", "y", "x"]), tensor(12, "y", ["n", "c", "a", "b", "d"])];
  const model = Buffer.concat([int(1, 8), message(8, int(2, 18)), message(7, ...graph)]);
  const session = await ort.InferenceSession.create(model, { logSeverityLevel: 3 });
  return (await session.run({ x })).y.data;
}

const mean = (values) => values.reduce((sum, v) => sum + v, 0) / values.length; // in float64
for (const side of [32, 160]) {
  const x = new ort.Tensor("float32", Float32Array.from({ length: side ** 3 }, (_, i) => -1000 + (i % 2)), [1, 1, side, side, side]);
  const pool = (await run("GlobalAveragePool", x))[0], reduce = (await run("ReduceMean", x))[0], norm = mean(await run("InstanceNormalization", x));
  console.log(`${side} × ${side} × ${side} (mean ${mean(x.data)}): GlobalAveragePool ${pool.toFixed(1)}, ReduceMean ${reduce.toFixed(1)}, ` +
    `mean after InstanceNormalization ${norm.toFixed(1)}`);
  const right = Math.abs(pool + 999.5) < 0.5 && Math.abs(reduce + 999.5) < 0.5 && Math.abs(norm) < 0.1;
  const wrong = Math.abs(pool + 999.5) > 0.5 && Math.abs(reduce + 999.5) > 0.5 && Math.abs(norm) > 0.1;
  if (side === 32 ? !right : !wrong) process.exitCode = 1;
}
JS
node finding.mjs
