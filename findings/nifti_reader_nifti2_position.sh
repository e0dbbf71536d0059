#!/usr/bin/env bash
# One would guess: nifti-reader-js, which viewers on the web read NIfTI with, gives the same affine for the same volume as NIfTI-1 and as
# NIfTI-2, which differ in the width of their fields only.
# Seen: of NIfTI-2 it reads the sform's rows and nothing else, whatever the two codes say. Where the position is in the qform alone (sform_code
# 0), as the format allows, the affine is all zeros; of NIfTI-1 it is right. And of NIfTI-1 the higher code wins: with qform_code 2
# and sform_code 1 it is the qform, where nibabel and others take an sform that is set.
# Matters: every voxel of a mask lies at 0 0 0 and has no volume, with no error, and only in files that somebody wrote as NIfTI-2 (more than
# 32767 voxels along one axis). Look at the codes and make the matrix of the quaternion yourself.
# npm nifti-reader-js 0.8.0. Output seen (voxels of 1 × 1 × 2 mm; first voxel at 10 20 30 by the qform, at 11 21 31 by the sform):
#   NIfTI-1, qform alone: diagonal 1 1 2, first voxel 10 20 30
#   NIfTI-2, qform alone: diagonal 0 0 0, first voxel 0 0 0
#   NIfTI-1, qform 2, sform 1: diagonal 1 1 2, first voxel 10 20 30
#   NIfTI-2, qform 2, sform 1: diagonal 1 1 2, first voxel 11 21 31
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
echo '{"private": true}' > package.json
npm install --silent --ignore-scripts --no-audit --no-fund nifti-reader-js@0.8.0 > /dev/null
cat > finding.mjs <<'JS'
import * as nifti from "nifti-reader-js";

// file makes a volume of 2 × 2 × 2 voxels; the offsets are those of the two headers.
function file(version, qform, sform) {
  const o = version === 1
    ? { size: 348, magic: 344, dim: 40, type: 70, bits: 72, pixdim: 76, data: 108, qform: 252, sform: 254, offset: 268, srow: 280 }
    : { size: 540, magic: 4, dim: 16, type: 12, bits: 14, pixdim: 104, data: 168, qform: 344, sform: 348, offset: 376, srow: 400 };
  const v = new DataView(new ArrayBuffer(o.size + 4 + 8));
  const int = (at, ...values) => values.forEach((x, i) => (version === 1 ? v.setInt16(at + 2 * i, x, true) : v.setBigInt64(at + 8 * i, BigInt(x), true)));
  const code = (at, x) => (version === 1 ? v.setInt16(at, x, true) : v.setInt32(at, x, true));
  const real = (at, ...values) => values.forEach((x, i) => (version === 1 ? v.setFloat32(at + 4 * i, x, true) : v.setFloat64(at + 8 * i, x, true)));
  v.setInt32(0, o.size, true);
  Buffer.from(version === 1 ? "n+1\0" : "n+2\0\r\n\x1a\n").forEach((b, i) => v.setUint8(o.magic + i, b));
  int(o.dim, 3, 2, 2, 2, 1, 1, 1, 1);
  v.setInt16(o.type, 2, true);
  v.setInt16(o.bits, 8, true);
  real(o.pixdim, 1, 1, 1, 2);
  if (version === 1) real(o.data, 352); else int(o.data, 544);
  code(o.qform, qform);
  code(o.sform, sform);
  real(o.offset, 10, 20, 30);
  if (sform) real(o.srow, 1, 0, 0, 11, 0, 1, 0, 21, 0, 0, 2, 31);
  return v.buffer;
}

for (const [name, qform, sform] of [["qform alone", 1, 0], ["qform 2, sform 1", 2, 1]])
  for (const version of [1, 2]) {
    const { affine } = nifti.readHeader(file(version, qform, sform));
    console.log(`NIfTI-${version}, ${name}: diagonal ${affine.slice(0, 3).map((row, i) => row[i]).join(" ")}, first voxel ${affine.slice(0, 3).map((row) => row[3]).join(" ")}`);
  }
JS
node finding.mjs | tee out
diff out - <<'SEEN'
NIfTI-1, qform alone: diagonal 1 1 2, first voxel 10 20 30
NIfTI-2, qform alone: diagonal 0 0 0, first voxel 0 0 0
NIfTI-1, qform 2, sform 1: diagonal 1 1 2, first voxel 10 20 30
NIfTI-2, qform 2, sform 1: diagonal 1 1 2, first voxel 11 21 31
SEEN
