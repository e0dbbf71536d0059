#!/usr/bin/env bash
# One would guess: padding in a model that torch.onnx.export has written takes the pixels that PyTorch takes, in each of its modes, for F.pad
# and for the padding_mode of convolutions; where it cannot, the export fails or warns.
# Seen: circular does not. On the left it leaves out the last pixel and takes the one before (4 5 | 0 ... 5 | 0 1 of six is 3 4 | ... | 0 1), and where
# the two sides differ they are exchanged, so that the whole image is shifted. The shape is right, and nothing is said. reflect and replicate are right.
# Matters: a network over polar or cylindrical coordinates, such as a nodule or an airway unrolled around its centre, goes round with a seam, and all that
# it finds may lie one pixel beside. Pad by torch.cat of slices instead.
# Debian 12 python3-torch 1.13.1+dfsg-4, npm onnxruntime-node 1.30.0. Output seen (of 0 1 2 3 4 5):
#   circular, 2 and 2: torch 4 5 0 1 2 3 4 5 0 1, exported 3 4 0 1 2 3 4 5 0 1
#   circular, 2 and 1: torch 4 5 0 1 2 3 4 5 0, exported 4 0 1 2 3 4 5 0 1
#   reflect, 2 and 1: torch 2 1 0 1 2 3 4 5 4, exported 2 1 0 1 2 3 4 5 4
#   replicate, 2 and 1: torch 0 0 0 1 2 3 4 5 5, exported 0 0 0 1 2 3 4 5 5
#   Conv1d of 0 0 1 with padding_mode circular: torch 1 2 3 4 5 0, exported 1 2 3 4 5 0
#   Conv1d of 1 0 0 with padding_mode circular: torch 5 0 1 2 3 4, exported 4 0 1 2 3 4
set -euo pipefail
[ "$(dpkg-query -W -f '${Version}' python3-torch)" = 1.13.1+dfsg-4 ] || { echo "needs python3-torch 1.13.1+dfsg-4 of Debian 12"; exit 1; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
echo '{"private": true}' > package.json
npm install --silent --ignore-scripts --no-audit --no-fund onnxruntime-node@1.30.0 > /dev/null
cat > export.py <<'PY'
import json
import warnings

import torch

ROW = torch.arange(6.0).reshape(1, 1, 6)


class Pad(torch.nn.Module):
    def __init__(self, mode, left, right):
        super().__init__()
        self.mode, self.sides = mode, (left, right)

    def forward(self, x):
        return torch.nn.functional.pad(x, self.sides, mode=self.mode)


def conv(*weights):
    layer = torch.nn.Conv1d(1, 1, 3, padding=1, padding_mode="circular", bias=False)
    layer.weight.data = torch.tensor([[weights]], dtype=torch.float32)
    return layer


models = {f"{mode}, {left} and {right}": Pad(mode, left, right)
          for mode, left, right in (("circular", 2, 2), ("circular", 2, 1), ("reflect", 2, 1), ("replicate", 2, 1))}
models["Conv1d of 0 0 1 with padding_mode circular"] = conv(0, 0, 1)
models["Conv1d of 1 0 0 with padding_mode circular"] = conv(1, 0, 0)
cases = []
with warnings.catch_warnings(record=True) as said, torch.no_grad():
    warnings.simplefilter("always")
    for text, model in models.items():
        name = f"{len(cases)}.onnx"
        torch.onnx.export(model, ROW, name, opset_version=16, input_names=["x"], output_names=["y"])
        cases.append([text, name, model(ROW).flatten().int().tolist(), len(said)])
        said.clear()
json.dump(cases, open("cases.json", "w"))
PY
cat > finding.mjs <<'JS'
import { readFileSync } from "node:fs";
import ort from "onnxruntime-node";

for (const [text, name, inTorch, warnings] of JSON.parse(readFileSync("cases.json"))) {
  const session = await ort.InferenceSession.create(name);
  const { y } = await session.run({ x: new ort.Tensor("float32", Float32Array.from([0, 1, 2, 3, 4, 5]), [1, 1, 6]) });
  console.log(`${text}: torch ${inTorch.join(" ")}, exported ${[...y.data].join(" ")}${text.includes("circular") && warnings ? ", with a warning" : ""}`);
}
JS
/usr/bin/python3 export.py
node finding.mjs | tee out
diff out - <<'SEEN'
circular, 2 and 2: torch 4 5 0 1 2 3 4 5 0 1, exported 3 4 0 1 2 3 4 5 0 1
circular, 2 and 1: torch 4 5 0 1 2 3 4 5 0, exported 4 0 1 2 3 4 5 0 1
reflect, 2 and 1: torch 2 1 0 1 2 3 4 5 4, exported 2 1 0 1 2 3 4 5 4
replicate, 2 and 1: torch 0 0 0 1 2 3 4 5 5, exported 0 0 0 1 2 3 4 5 5
Conv1d of 0 0 1 with padding_mode circular: torch 1 2 3 4 5 0, exported 1 2 3 4 5 0
Conv1d of 1 0 0 with padding_mode circular: torch 5 0 1 2 3 4, exported 4 0 1 2 3 4
SEEN
