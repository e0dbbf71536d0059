#!/usr/bin/env bash
# One would guess: what torch.onnx.export can write at all it writes for all arguments that PyTorch takes: a roll goes round, as its name says, however
# often; a pixel repeated 0 times is left out; and an integer clamped at -1.5 is not below -1.5 nor, as in PyTorch, any longer an integer.
# Seen: only the usual case is written. A roll by more than the length of an axis, in either direction, leaves everything where it was along that
# axis; repeat_interleave gives a value with a count of 0 once, so that the length is another; clamp of integers cuts the bounds to whole
# numbers first, so that 1.5 is 1 and -1.5 is -1. The model loads and runs.
# Matters: shifted windows and augmented copies are not shifted where the volume is smaller than the shift, as at the last level of a network; rows
# without a nodule come back; HU are clamped wrong only where they come as integers. Take the shift modulo the length, drop what has a count of 0,
# and make floating point of the input before it is clamped.
# Debian 12 python3-torch 1.13.1+dfsg-4, npm onnxruntime-node 1.30.0. Output seen:
#   x.roll(2, 0) of 0 1 2 3 4 5: torch 4 5 0 1 2 3, exported 4 5 0 1 2 3
#   x.roll(8, 0) of 0 1 2 3 4 5: torch 4 5 0 1 2 3, exported 0 1 2 3 4 5
#   x.roll(-7, 0) of 0 1 2 3 4 5: torch 1 2 3 4 5 0, exported 0 1 2 3 4 5
#   x.reshape(2, 3).roll((1, 4), (0, 1)).reshape(6) of 0 1 2 3 4 5: torch 5 3 4 2 0 1, exported 3 4 5 0 1 2
#   x.repeat_interleave(torch.tensor([2, 1, 1, 1, 1, 1])) of 0 1 2 3 4 5: torch 0 0 1 2 3 4 5, exported 0 0 1 2 3 4 5
#   x.repeat_interleave(torch.tensor([2, 0, 1, 0, 1, 1])) of 0 1 2 3 4 5: torch 0 0 2 4 5, exported 0 0 1 2 3 4 5
#   x.clamp(1.5, 3.5) of 0 1 2 3 4 5: torch 1.5 1.5 2 3 3.5 3.5, exported 1.5 1.5 2 3 3.5 3.5
#   x.long().clamp(1.5, 3.5).float() of 0 1 2 3 4 5: torch 1.5 1.5 2 3 3.5 3.5, exported 1 1 2 3 3 3
set -euo pipefail
[ "$(dpkg-query -W -f '${Version}' python3-torch)" = 1.13.1+dfsg-4 ] || { echo "needs python3-torch 1.13.1+dfsg-4 of Debian 12"; exit 1; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
echo '{"private": true}' > package.json
npm install --silent --ignore-scripts --no-audit --no-fund onnxruntime-node@1.30.0 > /dev/null
cat > export.py <<'PY'
import json

import torch

X = torch.arange(6.0)


class Model(torch.nn.Module):
    def __init__(self, text):
        super().__init__()
        self.f = eval("lambda x: " + text)

    def forward(self, x):
        return self.f(x)


cases = []
for text in (
    "x.roll(2, 0)",
    "x.roll(8, 0)",
    "x.roll(-7, 0)",
    "x.reshape(2, 3).roll((1, 4), (0, 1)).reshape(6)",
    "x.repeat_interleave(torch.tensor([2, 1, 1, 1, 1, 1]))",
    "x.repeat_interleave(torch.tensor([2, 0, 1, 0, 1, 1]))",
    "x.clamp(1.5, 3.5)",
    "x.long().clamp(1.5, 3.5).float()",
):
    model, name = Model(text), f"{len(cases)}.onnx"
    torch.onnx.export(model, X, name, opset_version=16, input_names=["x"], output_names=["y"])
    cases.append([text, name, model(X).tolist()])
json.dump(cases, open("cases.json", "w"))
PY
cat > finding.mjs <<'JS'
import { readFileSync } from "node:fs";
import ort from "onnxruntime-node";

for (const [text, name, inTorch] of JSON.parse(readFileSync("cases.json"))) {
  const session = await ort.InferenceSession.create(name, { logSeverityLevel: 3 });
  const { y } = await session.run({ x: new ort.Tensor("float32", Float32Array.of(0, 1, 2, 3, 4, 5), [6]) });
  console.log(`${text} of 0 1 2 3 4 5: torch ${inTorch.join(" ")}, exported ${[...y.data].join(" ")}`);
}
JS
/usr/bin/python3 -W ignore export.py
node finding.mjs | tee out
diff out - <<'SEEN'
x.roll(2, 0) of 0 1 2 3 4 5: torch 4 5 0 1 2 3, exported 4 5 0 1 2 3
x.roll(8, 0) of 0 1 2 3 4 5: torch 4 5 0 1 2 3, exported 0 1 2 3 4 5
x.roll(-7, 0) of 0 1 2 3 4 5: torch 1 2 3 4 5 0, exported 0 1 2 3 4 5
x.reshape(2, 3).roll((1, 4), (0, 1)).reshape(6) of 0 1 2 3 4 5: torch 5 3 4 2 0 1, exported 3 4 5 0 1 2
x.repeat_interleave(torch.tensor([2, 1, 1, 1, 1, 1])) of 0 1 2 3 4 5: torch 0 0 1 2 3 4 5, exported 0 0 1 2 3 4 5
x.repeat_interleave(torch.tensor([2, 0, 1, 0, 1, 1])) of 0 1 2 3 4 5: torch 0 0 2 4 5, exported 0 0 1 2 3 4 5
x.clamp(1.5, 3.5) of 0 1 2 3 4 5: torch 1.5 1.5 2 3 3.5 3.5, exported 1.5 1.5 2 3 3.5 3.5
x.long().clamp(1.5, 3.5).float() of 0 1 2 3 4 5: torch 1.5 1.5 2 3 3.5 3.5, exported 1 1 2 3 3 3
SEEN
