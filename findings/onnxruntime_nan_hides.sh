#!/usr/bin/env bash
# One would guess: a NaN stays to be seen: where it comes in, onnxruntime's MaxPool, ReduceMax and TopK give NaN, as PyTorch and numpy do, or at
# least leave it out everywhere alike.
# Seen: where it stands decides. ReduceMax gives NaN if the first value is one and the maximum of the rest otherwise. MaxPool always leaves it
# out. TopK of the three largest of 1 5 NaN 3 7 9 is 5 1 NaN, without 9 and 7, while the largest two are right: another method for each k.
# Matters: one bad voxel or logit takes the best candidates from the list, and a check of the maximum for NaN sees nothing. Check the input
# (IsNaN) and not what comes out.
# npm onnxruntime-node 1.30.0 (its CPU provider, x86-64). Output seen:
#   ReduceMax: NaN 1 5 3 gives NaN; 1 NaN 5 3 gives 5
#   MaxPool of pairs: NaN 1 5 3 gives 1 5; 1 NaN 5 3 gives 1 5
#   TopK of 1 5 NaN 3 7 9: 2 gives 9 7; 3 gives 5 1 NaN
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
const tensor = (field, name, type, dims) => message(field, bytes(1, name), message(2, message(1, int(1, type), message(2, ...dims.map((d) => message(1, bytes(2, d)))))));
const two = (name) => message(5, bytes(1, name), int(8, 2), int(20, 7)); // an attribute of integers, [2]

// run is one node over a row of values; k is TopK's, how many.
async function run(op, values, k = 0) {
  const inputs = op === "TopK" ? ["x", "k"] : ["x"], outputs = op === "TopK" ? ["y", "i"] : ["y"];
  const graph = [message(1, ...inputs.map((i) => bytes(1, i)), ...outputs.map((o) => bytes(2, o)), bytes(4, op), ...(op === "MaxPool" ? [two("kernel_shape"), two("strides")] : [])),
    bytes(2, "g"), message(5, int(1, 1), int(2, 7), bytes(8, "k"), bytes(9, Buffer.from(BigInt64Array.of(BigInt(k)).buffer))),
    tensor(11, "x", 1, ["n", "c", "w"]), tensor(12, "y", 1, ["p", "q", "r"])];
  const model = Buffer.concat([int(1, 8), message(8, int(2, 18)), message(7, ...graph)]);
  const session = await ort.InferenceSession.create(model, { logSeverityLevel: 3 });
  return (await session.run({ x: new ort.Tensor("float32", Float32Array.from(values), [1, 1, values.length]) })).y.data.join(" ");
}

const first = [NaN, 1, 5, 3], second = [1, NaN, 5, 3], row = [1, 5, NaN, 3, 7, 9];
console.log(`ReduceMax: ${first.join(" ")} gives ${await run("ReduceMax", first)}; ${second.join(" ")} gives ${await run("ReduceMax", second)}`);
console.log(`MaxPool of pairs: ${first.join(" ")} gives ${await run("MaxPool", first)}; ${second.join(" ")} gives ${await run("MaxPool", second)}`);
console.log(`TopK of ${row.join(" ")}: 2 gives ${await run("TopK", row, 2)}; 3 gives ${await run("TopK", row, 3)}`);
JS
node finding.mjs | tee out
diff out - <<'SEEN'
ReduceMax: NaN 1 5 3 gives NaN; 1 NaN 5 3 gives 5
MaxPool of pairs: NaN 1 5 3 gives 1 5; 1 NaN 5 3 gives 1 5
TopK of 1 5 NaN 3 7 9: 2 gives 9 7; 3 gives 5 1 NaN
SEEN
