#!/usr/bin/env bash
# One would guess: a model that torch.onnx.export has written computes what it computes in PyTorch; x // 100 rounds down there, in integers and
# floating point alike, as in Python and numpy.
# Seen: // and floor_divide become a division that rounds towards 0, also in floating point, and >> 4 a division by 16 that does. -950 // 100 is -10 in
# PyTorch and -9 in the exported model. torch.div(x, 100, rounding_mode="floor") and x % 100 are right, so the two no longer fit each
# other: 100 * (x // 100) + x % 100 is not x. The export says nothing.
# Matters: values below 0 are what HU have. Bins of a histogram or an embedding are off by one for lung and fat and right for tissue and bone, and
# two bins become one around 0. Write torch.div with its rounding_mode.
# Debian 12 python3-torch 1.13.1+dfsg-4, npm onnxruntime-node 1.30.0. Output seen (of -1000 -950 -1 0 40):
#   x // 100: torch -10 -10 -1 0 0, exported -10 -9 0 0 0
#   x.float() // 100: torch -10 -10 -1 0 0, exported -10 -9 0 0 0
#   x >> 4: torch -63 -60 -1 0 2, exported -62 -59 0 0 2
#   torch.div(x, 100, rounding_mode="floor"): torch -10 -10 -1 0 0, exported -10 -10 -1 0 0
#   100 * (x // 100) + x % 100: torch -1000 -950 -1 0 40, exported -1000 -850 99 0 40
#   warnings: 0
set -euo pipefail
[ "$(dpkg-query -W -f '${Version}' python3-torch)" = 1.13.1+dfsg-4 ] || { echo "needs python3-torch 1.13.1+dfsg-4 of Debian 12"; exit 1; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
echo '{"private": true}' > package.json
npm install --silent --ignore-scripts --no-audit --no-fund onnxruntime-node@1.30.0 > /dev/null
cat > export.py <<'PY'
import json
import warnings

import torch

HU = torch.tensor([-1000, -950, -1, 0, 40])


class Model(torch.nn.Module):
    def __init__(self, text):
        super().__init__()
        self.f = eval("lambda x: " + text)

    def forward(self, x):
        return self.f(x).long()


cases = []
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    for text in ("x // 100", "x.float() // 100", "x >> 4", 'torch.div(x, 100, rounding_mode="floor")', "100 * (x // 100) + x % 100"):
        model, name = Model(text), f"{len(cases)}.onnx"
        torch.onnx.export(model, HU, name, opset_version=16, input_names=["x"], output_names=["y"])
        cases.append([text, name, model(HU).tolist()])
json.dump([cases, len(said)], open("cases.json", "w"))
PY
cat > finding.mjs <<'JS'
import { readFileSync } from "node:fs";
import ort from "onnxruntime-node";

const [cases, warnings] = JSON.parse(readFileSync("cases.json"));
for (const [text, name, inTorch] of cases) {
  const session = await ort.InferenceSession.create(name);
  const x = new ort.Tensor("int64", BigInt64Array.from([-1000n, -950n, -1n, 0n, 40n]), [5]);
  const { y } = await session.run({ x });
  console.log(`${text}: torch ${inTorch.join(" ")}, exported ${[...y.data].join(" ")}`);
}
console.log(`warnings: ${warnings}`);
JS
/usr/bin/python3 export.py
node finding.mjs | tee out
diff out - <<'SEEN'
x // 100: torch -10 -10 -1 0 0, exported -10 -9 0 0 0
x.float() // 100: torch -10 -10 -1 0 0, exported -10 -9 0 0 0
x >> 4: torch -63 -60 -1 0 2, exported -62 -59 0 0 2
torch.div(x, 100, rounding_mode="floor"): torch -10 -10 -1 0 0, exported -10 -10 -1 0 0
100 * (x // 100) + x % 100: torch -1000 -950 -1 0 40, exported -1000 -850 99 0 40
warnings: 0
SEEN
