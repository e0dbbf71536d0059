#!/usr/bin/env bash
# One would guess: functions that PyTorch has so that nothing overflows (logsigmoid, binary_cross_entropy_with_logits) stay what they are when
# torch.onnx.export writes them, as log_softmax does; in float64 at least.
# Seen: they are written as the logarithm of a sigmoid, which they are there to avoid. A logit of -20 is -Infinity in float32 and one of -800 in float64,
# and the cross entropy of a sure and right answer, 0 times that, is NaN. The export warns of neither. log_softmax and softplus are right.
# Matters: a network that ends in log probabilities has no order among its unlikely candidates any more, a loss that is exported for
# training or for checks becomes NaN at the first sample that the network is sure of, and no test near 0 shows it. Write -softplus(-x), and for
# the cross entropy softplus(x) - x * target.
# Debian 12 python3-torch 1.13.1+dfsg-4, npm onnxruntime-node 1.30.0. Output seen:
#   F.logsigmoid(x) of -800 -20 0 20: torch -800 -20 -0.69 0, exported float32 -Infinity -Infinity -0.69 0, float64 -Infinity -20 -0.69 0
#   F.binary_cross_entropy_with_logits(x, 0 * x, reduction="none") of -800 -20 0 20: torch 0 0 0.69 20, exported float32 NaN NaN 0.69 Infinity, float64 NaN 0 0.69 20
#   -F.softplus(-x) of -800 -20 0 20: torch -800 -20 -0.69 0, exported float32 -800 -20 -0.69 0
#   F.log_softmax(torch.stack([x, 0 * x]), 0)[0] of -800 -20 0 20: torch -800 -20 -0.69 0, exported float32 -800 -20 -0.69 0, float64 -800 -20 -0.69 0
set -euo pipefail
[ "$(dpkg-query -W -f '${Version}' python3-torch)" = 1.13.1+dfsg-4 ] || { echo "needs python3-torch 1.13.1+dfsg-4 of Debian 12"; exit 1; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
echo '{"private": true}' > package.json
npm install --silent --ignore-scripts --no-audit --no-fund onnxruntime-node@1.30.0 > /dev/null
cat > export.py <<'PY'
import json

import torch
import torch.nn.functional as F

X = torch.tensor([-800.0, -20.0, 0.0, 20.0])


class Model(torch.nn.Module):
    def __init__(self, text):
        super().__init__()
        self.f = eval("lambda x: " + text)

    def forward(self, x):
        return self.f(x)


cases = []
for text in (
    "F.logsigmoid(x)",
    'F.binary_cross_entropy_with_logits(x, 0 * x, reduction="none")',
    "-F.softplus(-x)",
    "F.log_softmax(torch.stack([x, 0 * x]), 0)[0]",
):
    model, name = Model(text), str(len(cases))
    torch.onnx.export(model, X, name + ".float32", opset_version=16, input_names=["x"], output_names=["y"])
    torch.onnx.export(model, X.double(), name + ".float64", opset_version=16, input_names=["x"], output_names=["y"])
    types = ["float32"] if "softplus" in text else ["float32", "float64"]  # onnxruntime has Softplus in float32 only
    cases.append([text, name, types, model(X).tolist()])
json.dump(cases, open("cases.json", "w"))
PY
cat > finding.mjs <<'JS'
import { readFileSync } from "node:fs";
import ort from "onnxruntime-node";

const x = [-800, -20, 0, 20];
const text = (values) => [...values].map((v) => String(Math.round(v * 100) / 100 + 0)).join(" ");
// run is the exported model's output for x in one of the two types.
async function run(name, type) {
  const array = type === "float32" ? Float32Array : Float64Array;
  const session = await ort.InferenceSession.create(readFileSync(`${name}.${type}`), { logSeverityLevel: 3 });
  return `${type} ${text((await session.run({ x: new ort.Tensor(type, array.from(x), [4]) })).y.data)}`;
}
for (const [f, name, types, inTorch] of JSON.parse(readFileSync("cases.json"))) {
  const exported = await Promise.all(types.map((type) => run(name, type)));
  console.log(`${f} of ${x.join(" ")}: torch ${text(inTorch)}, exported ${exported.join(", ")}`);
}
JS
/usr/bin/python3 -W ignore export.py
node finding.mjs | tee out
diff out - <<'SEEN'
F.logsigmoid(x) of -800 -20 0 20: torch -800 -20 -0.69 0, exported float32 -Infinity -Infinity -0.69 0, float64 -Infinity -20 -0.69 0
F.binary_cross_entropy_with_logits(x, 0 * x, reduction="none") of -800 -20 0 20: torch 0 0 0.69 20, exported float32 NaN NaN 0.69 Infinity, float64 NaN 0 0.69 20
-F.softplus(-x) of -800 -20 0 20: torch -800 -20 -0.69 0, exported float32 -800 -20 -0.69 0
F.log_softmax(torch.stack([x, 0 * x]), 0)[0] of -800 -20 0 20: torch -800 -20 -0.69 0, exported float32 -800 -20 -0.69 0, float64 -800 -20 -0.69 0
SEEN
