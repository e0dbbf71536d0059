// The runs of an outline's voxels, as the service keeps them: z, y, x, outside and
// inside by turns, the first outside, each an unsigned LEB128 number; base64.

/** runsOf are those of a mask, inside where a voxel is not 0. */
export function runsOf(mask: ArrayLike<number>): string {
  const bytes: number[] = [];
  const put = (n: number): void => {
    for (; n >= 128; n = Math.floor(n / 128)) bytes.push((n % 128) + 128);
    bytes.push(n);
  };
  let inside = false;
  let run = 0;
  for (let i = 0; i < mask.length; i++) {
    if ((mask[i] !== 0) !== inside) {
      put(run);
      inside = !inside;
      run = 0;
    }
    run++;
  }
  put(run);
  return btoa(String.fromCharCode(...bytes));
}

/** maskOf are the voxels of runs, 0 and 1; null where they are not of so many voxels. */
export function maskOf(runs: string, voxels: number): Float32Array | null {
  const mask = new Float32Array(voxels);
  let text: string;
  try {
    text = atob(runs);
  } catch {
    return null;
  }
  let at = 0;
  let inside = false;
  for (let i = 0; i < text.length; inside = !inside) {
    let run = 0;
    let scale = 1;
    for (; i < text.length; scale *= 128) {
      const byte = text.charCodeAt(i++);
      run += (byte % 128) * scale;
      if (byte < 128) break;
    }
    if (at + run > voxels) return null;
    if (inside) mask.fill(1, at, at + run);
    at += run;
  }
  return at === voxels ? mask : null;
}
