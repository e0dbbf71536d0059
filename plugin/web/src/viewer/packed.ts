// Slices as the service compresses them for slow lines: in two parts, the first of
// reduced quality. plugin/review/internal/packed describes the bytes.

/** canUnpack tells whether this browser can read them. */
export const canUnpack = (): boolean => typeof DecompressionStream === "function";

/** inflate is the content of a stream of raw deflate. */
export async function inflate(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** parts are the two of a whole slice, still compressed. */
export function parts(whole: Uint8Array<ArrayBuffer>): [Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>] {
  const first = new DataView(whole.buffer, whole.byteOffset).getUint32(0, true);
  if (4 + first > whole.length) throw new Error("the slice is cut off");
  return [whole.subarray(4, 4 + first), whole.subarray(4 + first)];
}

const half = (n: number): number => (n + 1) >> 1;
const broken = (): Error => new Error("the slice differs in size from the series");

// The numbers that did not fit one byte.
function largeOnes(bytes: Uint8Array, from: number): () => number {
  let at = from;
  return () => {
    const v = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
    at += 2;
    return v;
  };
}

/** unpackWhole is a slice without loss. */
export async function unpackWhole(whole: Uint8Array<ArrayBuffer>, rows: number, cols: number): Promise<Int16Array> {
  const [first, second] = parts(whole);
  return unpackRest(unpackReduced(await inflate(first), rows, cols), await inflate(second), rows, cols);
}

/** unpackReduced is the first part, inflated: every second pixel of every second row, in steps of 16 HU. */
export function unpackReduced(bytes: Uint8Array, rows: number, cols: number): Int16Array {
  const [high, wide] = [half(rows), half(cols)];
  if (bytes.length < high * wide) throw broken();
  const out = new Int16Array(high * wide);
  const large = largeOnes(bytes, high * wide);
  for (let r = 0, i = 0; r < high; r++) {
    for (let c = 0; c < wide; c++, i++) {
      let v = bytes[i]!;
      if (v === 255) v = large();
      let p = 0;
      if (r > 0 && c > 0) {
        const left = out[i - 1]!;
        const above = out[i - wide]!;
        const sum = left + above - out[i - wide - 1]!;
        const low = left < above ? left : above;
        const top = left < above ? above : left;
        p = sum < low ? low : sum > top ? top : sum;
      } else if (c > 0) p = out[i - 1]!;
      else if (r > 0) p = out[i - wide]!;
      out[i] = p + ((v >>> 1) ^ -(v & 1));
    }
  }
  return out;
}

const low = 8; // the group of what the steps leave out
const groups = low + 1;
const step = 16; // HU

/** unpackRest makes the whole slice of the first part and the second part, inflated. */
export function unpackRest(reduced: Int16Array, bytes: Uint8Array, rows: number, cols: number): Int16Array {
  const out = new Int16Array(rows * cols);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < 4 * groups) throw broken();
  const at = new Int32Array(groups);
  let end = 4 * groups;
  for (let g = 0; g < groups; g++) {
    at[g] = end;
    end += view.getUint32(4 * g, true);
  }
  if (end - 4 * groups !== rows * cols || end - at[low]! !== reduced.length || end > bytes.length) throw broken();
  for (let r = 0, i = 0; r < rows; r += 2) {
    for (let c = 0; c < cols; c += 2, i++) out[r * cols + c] = reduced[i]! * step + bytes[at[low]! + i]! - step / 2;
  }
  const large = largeOnes(bytes, end);
  const put = (i: number, a: number, b: number, c: number, d: number): void => {
    const low = Math.min(a, b, c, d);
    const spread = Math.max(a, b, c, d) - low;
    const bits = 30 - Math.clz32(spread);
    const g = bits < 0 ? 0 : bits > 7 ? 7 : bits;
    let v = bytes[at[g]!++]!;
    if (v === 255) v = large();
    out[i] = ((a + b + c + d + 2) >> 2) + ((v >>> 1) ^ -(v & 1));
  };
  for (let r = 1; r < rows; r += 2) {
    const above = (r - 1) * cols;
    const below = r + 1 < rows ? (r + 1) * cols : above;
    for (let c = 1; c < cols; c += 2) {
      const right = c + 1 < cols ? c + 1 : c - 1;
      put(r * cols + c, out[above + c - 1]!, out[above + right]!, out[below + c - 1]!, out[below + right]!);
    }
  }
  for (let odd = 0; odd < 2; odd++) {
    for (let r = odd; r < rows; r += 2) {
      const row = r * cols;
      const above = r > 0 ? row - cols : row + cols;
      const below = r + 1 < rows ? row + cols : row - cols;
      for (let c = 1 - odd; c < cols; c += 2) {
        const left = c > 0 ? c - 1 : c + 1;
        const right = c + 1 < cols ? c + 1 : c - 1;
        put(row + c, out[row + left]!, out[row + right]!, out[above + c]!, out[below + c]!);
      }
    }
  }
  return out;
}

/** enlarge makes a picture of full size of the first part: what lies between is the mean of what is around it. */
export function enlarge(reduced: Int16Array, rows: number, cols: number): Int16Array {
  const [high, wide] = [half(rows), half(cols)];
  const out = new Int16Array(rows * cols);
  for (let r = 0; r < rows; r++) {
    const a = (r >> 1) * wide;
    const b = Math.min((r + 1) >> 1, high - 1) * wide;
    for (let c = 0; c < cols; c++) {
      const x = c >> 1;
      const y = Math.min((c + 1) >> 1, wide - 1);
      out[r * cols + c] = Math.min((reduced[a + x]! + reduced[a + y]! + reduced[b + x]! + reduced[b + y]!) * (step / 4), 32767);
    }
  }
  return out;
}
