#!/usr/bin/env bash
# One would guess: Sigmoid of onnxruntime in float32 is exact to some 1e-7 of its value, as its Exp is, and never falls when its input
# rises; below -88, where exp overflows, it may be 0.
# Seen: it is a quotient of two polynomials, fitted for its absolute error. -16 gives less than -17, which is twice too large, and from -18
# down all is 0. In float64 the same node is exact. Exp(-x) and the sum written out are so in float32 too.
# Matters: among rare findings, where most scores lie near 0, the order of two candidates is not that of their logits, scores tie at 0, and
# a log-likelihood becomes -Infinity. Rank by the logit, or leave the sigmoid out of the exported model.
# npm onnxruntime-node 1.30.0 (its CPU provider, x86-64 with AVX-512; other processors differ in the digits). Output seen:
#   float32: sigmoid(-16) 5.96e-8, sigmoid(-17) 8.94e-8, sigmoid(-18) 0.00e+0
#   float64: sigmoid(-16) 1.13e-7, sigmoid(-17) 4.14e-8, sigmoid(-18) 1.52e-8
#   float32 by Exp: sigmoid(-16) 1.13e-7, sigmoid(-17) 4.14e-8, sigmoid(-18) 1.52e-8
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
const node = (op, inputs, output) => message(1, ...inputs.map((x) => bytes(1, x)), bytes(2, output), bytes(4, op));
const vector = (field, name, type) => message(field, bytes(1, name), message(2, message(1, int(1, type), message(2, message(1, bytes(2, "n"))))));

async function show(name, array, type, nodes) {
  const graph = [...nodes, bytes(2, "g"), vector(11, "x", type), vector(11, "one", type), vector(12, "y", type)];
  const model = Buffer.concat([int(1, 8), message(8, int(2, 17)), message(7, ...graph)]);
  const session = await ort.InferenceSession.create(model, { logSeverityLevel: 3 });
  const tensor = (values) => new ort.Tensor(array === Float32Array ? "float32" : "float64", array.from(values), [values.length]);
  const x = [-16, -17, -18];
  const { y } = await session.run({ x: tensor(x), one: tensor([1]) });
  console.log(`${name}: ${x.map((v, i) => `sigmoid(${v}) ${y.data[i].toExponential(2)}`).join(", ")}`);
  return x.map((v, i) => Math.abs(y.data[i] * (1 + Math.exp(-v)) - 1)); // relative errors
}

const sigmoid = [node("Sigmoid", ["x"], "y")];
const single = await show("float32", Float32Array, 1, sigmoid);
const double = await show("float64", Float64Array, 11, sigmoid);
const written = await show("float32 by Exp", Float32Array, 1, [node("Neg", ["x"], "m"), node("Exp", ["m"], "e"), node("Add", ["e", "one"], "s"), node("Reciprocal", ["s"], "y")]);
const seen = single[1] > 0.1 && single[2] === 1 && Math.max(...double) < 1e-6 && Math.max(...written) < 1e-6;
process.exitCode = seen ? 0 : 1;
JS
node finding.mjs
