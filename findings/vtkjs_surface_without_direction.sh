#!/usr/bin/env bash
# One would guess: a surface that vtk.js draws round a nodule by marching cubes lies where the nodule lies: the image has a direction (setDirection)
# as well as an origin and a spacing, and indexToWorld, the bounds and the image's outline go by all three.
# Seen: ImageMarchingCubes takes origin and spacing and leaves the direction out. Of rows that run towards the front and slices from the head down,
# the surface lies outside the image, on the other side of its origin; with rows and columns exchanged it is a mirror image.
# Matters: so is every sagittal or coronal series, and an axial one of a patient on the belly. Surface and slices are shown in one scene, do
# not meet, and volume and form are right, so that no check of the surface alone finds it. Give the image neither direction nor origin, and move
# the surface by both (the user matrix of its actor).
# npm @kitware/vtk.js 37.4.3, node 20. Output seen (a cube of voxels; centre by indexToWorld, bounds in mm):
#   1 0 0 0 1 0 0 0 1: voxels at 13 24 38, image 9.5 20.5 19.5 30.5 29 51, outline 9.5 20.5 19.5 30.5 29 51, surface round 13 24 38
#   1 0 0 0 -1 0 0 0 -1: voxels at 13 16 22, image 9.5 20.5 9.5 20.5 9 31, outline 9.5 20.5 9.5 20.5 9 31, surface round 13 24 38
#   0 1 0 1 0 0 0 0 1: voxels at 14 23 38, image 9.5 20.5 19.5 30.5 29 51, outline 9.5 20.5 19.5 30.5 29 51, surface round 13 24 38
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
echo '{"private": true, "type": "module"}' > package.json
npm install --silent --ignore-scripts --no-audit --no-fund @kitware/vtk.js@37.4.3 > /dev/null
cat > finding.js <<'JS'
import vtkDataArray from "@kitware/vtk.js/Common/Core/DataArray.js";
import vtkImageData from "@kitware/vtk.js/Common/DataModel/ImageData.js";
import vtkImageDataOutlineFilter from "@kitware/vtk.js/Filters/General/ImageDataOutlineFilter.js";
import vtkImageMarchingCubes from "@kitware/vtk.js/Filters/General/ImageMarchingCubes.js";

console.time = console.timeEnd = () => {}; // the filter prints how long it took

// bounds are those of what the filter makes of the image, smallest and largest x, y and z.
const bounds = (filter, image) => {
  filter.setInputData(image);
  filter.update();
  return filter.getOutputData().getBounds();
};
const size = 11, at = [3, 4, 4]; // voxels 2 to 4, 3 to 5 and 3 to 5
for (const direction of [[1, 0, 0, 0, 1, 0, 0, 0, 1], [1, 0, 0, 0, -1, 0, 0, 0, -1], [0, 1, 0, 1, 0, 0, 0, 0, 1]]) {
  const image = vtkImageData.newInstance({ origin: [10, 20, 30], spacing: [1, 1, 2], direction });
  image.setDimensions(size, size, size);
  const values = new Float32Array(size ** 3).map((_, n) => ([n % size, Math.floor(n / size) % size, Math.floor(n / size ** 2)].every((i, axis) => Math.abs(i - at[axis]) <= 1) ? 100 : 0));
  image.getPointData().setScalars(vtkDataArray.newInstance({ name: "pixels", values }));
  image.modified();
  const surface = bounds(vtkImageMarchingCubes.newInstance({ contourValue: 50 }), image);
  const round = [0, 2, 4].map((i) => (surface[i] + surface[i + 1]) / 2);
  console.log(`${direction.join(" ")}: voxels at ${[...image.indexToWorld(at)].join(" ")}, image ${image.getBounds().join(" ")}, outline ${bounds(vtkImageDataOutlineFilter.newInstance(), image).join(" ")}, surface round ${round.join(" ")}`);
}
JS
node finding.js | tee out
diff out - <<'SEEN'
1 0 0 0 1 0 0 0 1: voxels at 13 24 38, image 9.5 20.5 19.5 30.5 29 51, outline 9.5 20.5 19.5 30.5 29 51, surface round 13 24 38
1 0 0 0 -1 0 0 0 -1: voxels at 13 16 22, image 9.5 20.5 9.5 20.5 9 31, outline 9.5 20.5 9.5 20.5 9 31, surface round 13 24 38
0 1 0 1 0 0 0 0 1: voxels at 14 23 38, image 9.5 20.5 19.5 30.5 29 51, outline 9.5 20.5 19.5 30.5 29 51, surface round 13 24 38
SEEN
