#!/usr/bin/env bash
# One would guess: an interpolation that goes through its samples gives them back where it is asked for at a sample, and ImageReslice of vtk.js does
# so in each of its three modes and for each type of pixels; cubic overshoots a little at edges, and is clamped to the type.
# Seen: cubic of Int16 gives every value 32768 higher, past the end of the type: -1000 is 31768, and 2, which would be 32770, is -32766. Int8 is
# 128 off in the same way. Nearest and linear are right in both, and so is cubic of unsigned pixels and of Float32. No error.
# Matters: CT is Int16. A picture that is shown between its own smallest and largest value looks almost right, as all of the lung and soft tissue is
# moved by the same amount; every value read from it is wrong. Reslice Float32 and round afterwards.
# npm @kitware/vtk.js 37.4.3, node 20. Output seen (four pixels, and the same four asked for again):
#   Int16Array: -1000 -999 -3 2; nearest -1000 -999 -3 2, linear -1000 -999 -3 2, cubic 31768 31769 32765 -32766
#   Int8Array: -100 -99 -3 2; nearest -100 -99 -3 2, linear -100 -99 -3 2, cubic 28 29 125 -126
#   Uint16Array: 0 1 1000 3000; nearest 0 1 1000 3000, linear 0 1 1000 3000, cubic 0 1 1000 3000
#   Float32Array: -1000 -999 -3 2; nearest -1000 -999 -3 2, linear -1000 -999 -3 2, cubic -1000 -999 -3 2
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
echo '{"private": true, "type": "module"}' > package.json
npm install --silent --ignore-scripts --no-audit --no-fund @kitware/vtk.js@37.4.3 > /dev/null
cat > finding.js <<'JS'
import vtkDataArray from "@kitware/vtk.js/Common/Core/DataArray.js";
import vtkImageData from "@kitware/vtk.js/Common/DataModel/ImageData.js";
import { InterpolationMode } from "@kitware/vtk.js/Imaging/Core/AbstractImageInterpolator/Constants.js";
import vtkImageReslice from "@kitware/vtk.js/Imaging/Core/ImageReslice.js";

// again is what ImageReslice makes of an image on the image's own grid.
function again(values, mode) {
  const image = vtkImageData.newInstance();
  image.setDimensions(values.length, 1, 1);
  image.getPointData().setScalars(vtkDataArray.newInstance({ name: "pixels", values }));
  const reslice = vtkImageReslice.newInstance();
  reslice.setInputData(image);
  reslice.setInterpolationMode(mode);
  reslice.update();
  return reslice.getOutputData().getPointData().getScalars().getData().join(" ");
}

for (const values of [Int16Array.of(-1000, -999, -3, 2), Int8Array.of(-100, -99, -3, 2), Uint16Array.of(0, 1, 1000, 3000), Float32Array.of(-1000, -999, -3, 2)]) {
  const modes = ["nearest", "linear", "cubic"].map((mode) => `${mode} ${again(values, InterpolationMode[mode.toUpperCase()])}`);
  console.log(`${values.constructor.name}: ${values.join(" ")}; ${modes.join(", ")}`);
}
JS
node finding.js | tee out
diff out - <<'SEEN'
Int16Array: -1000 -999 -3 2; nearest -1000 -999 -3 2, linear -1000 -999 -3 2, cubic 31768 31769 32765 -32766
Int8Array: -100 -99 -3 2; nearest -100 -99 -3 2, linear -100 -99 -3 2, cubic 28 29 125 -126
Uint16Array: 0 1 1000 3000; nearest 0 1 1000 3000, linear 0 1 1000 3000, cubic 0 1 1000 3000
Float32Array: -1000 -999 -3 2; nearest -1000 -999 -3 2, linear -1000 -999 -3 2, cubic -1000 -999 -3 2
SEEN
