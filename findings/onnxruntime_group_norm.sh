#!/usr/bin/env bash
# One would guess: GroupNormalization of onnxruntime is as exact as its LayerNormalization and PyTorch's GroupNorm: values of -1000 and a little
# more or less come out as -1 and 1, and a patch that is the same everywhere as 0 (its variance is 0, and epsilon is there for it).
# Seen: the variance is the mean of the squares less the square of the mean, in float32, where of 1000² some 0.06 are lost, far above epsilon. What
# should be 1 is 1.06 for a deviation of 5 and 0.34 for one of 0.5, and of constant patches about half are NaN, as the variance is negative.
# LayerNormalization is right in all of them.
# Matters: a network that gets HU passes its test on patches of tissue and gives NaN for air or the outside of the scan, by the last digit of
# the value. With stash_type 11 on the node it counts in float64 and is right; or bring the input near 0 before.
# npm onnxruntime-node 1.30.0 (its CPU provider, x86-64 with AVX-512; other processors differ in the digits), opset 21. Output seen:
#   -1000 ± 5 (true: 1.00): GroupNormalization 1.06, with stash_type 11 1.00, LayerNormalization 1.00
#   -1000 ± 0.5 (true: 1.00): GroupNormalization 0.34, with stash_type 11 1.00, LayerNormalization 1.00
#   constant patches of -1000.0, -999.3 ... -900.6 that are NaN: GroupNormalization 71 of 143, with stash_type 11 0, LayerNormalization 0
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
const vector = (field, name, ...dims) => message(field, bytes(1, name), message(2, message(1, int(1, 1), message(2, ...dims.map((d) => message(1, int(1, d)))))));
const attribute = ([name, value]) => message(5, bytes(1, name), int(3, value), int(20, 2));

// session is a model of one node, over one channel of 64 × 64 values.
function session(op, attributes) {
  const scale = op === "GroupNormalization" ? [1] : [64, 64];
  const graph = [message(1, ...["x", "scale", "bias"].map((i) => bytes(1, i)), bytes(2, "y"), bytes(4, op), ...Object.entries(attributes).map(attribute)),
    bytes(2, "g"), vector(11, "x", 1, 1, 64, 64), vector(11, "scale", ...scale), vector(11, "bias", ...scale), vector(12, "y", 1, 1, 64, 64)];
  const model = Buffer.concat([int(1, 10), message(8, int(2, 21)), message(7, ...graph)]);
  const size = scale.reduce((a, b) => a * b);
  const feed = (x) => ({ x: new ort.Tensor("float32", x, [1, 1, 64, 64]), scale: new ort.Tensor("float32", new Float32Array(size).fill(1), scale), bias: new ort.Tensor("float32", new Float32Array(size), scale) });
  return ort.InferenceSession.create(model, { logSeverityLevel: 3, intraOpNumThreads: 1 }).then((s) => async (f) => (await s.run(feed(Float32Array.from({ length: 4096 }, (_, i) => f(i))))).y.data);
}

const nodes = {
  "GroupNormalization": await session("GroupNormalization", { num_groups: 1 }),
  "with stash_type 11": await session("GroupNormalization", { num_groups: 1, stash_type: 11 }),
  "LayerNormalization": await session("LayerNormalization", { axis: 2 }),
};
const each = async (f) => { const all = []; for (const [name, node] of Object.entries(nodes)) all.push(`${name} ${await f(node)}`); return all.join(", "); };
for (const deviation of [5, 0.5])
  console.log(`-1000 ± ${deviation} (true: 1.00): ${await each(async (node) => (await node((i) => -1000 + (i % 2 ? deviation : -deviation)))[1].toFixed(2))}`);
const constants = Array.from({ length: 143 }, (_, i) => -1000 + 0.7 * i);
const nan = await each(async (node) => { let n = 0; for (const c of constants) n += Number.isNaN((await node(() => c))[0]); return n; });
console.log(`constant patches of ${constants[0].toFixed(1)}, ${constants[1].toFixed(1)} ... ${constants.at(-1).toFixed(1)} that are NaN: ${nan.replace(",", ` of ${constants.length},`)}`);
JS
node finding.mjs | tee out
diff out - <<'SEEN'
-1000 ± 5 (true: 1.00): GroupNormalization 1.06, with stash_type 11 1.00, LayerNormalization 1.00
-1000 ± 0.5 (true: 1.00): GroupNormalization 0.34, with stash_type 11 1.00, LayerNormalization 1.00
constant patches of -1000.0, -999.3 ... -900.6 that are NaN: GroupNormalization 71 of 143, with stash_type 11 0, LayerNormalization 0
SEEN
