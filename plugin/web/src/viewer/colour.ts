// Colours of the residual: black through purple and orange to pale yellow, in
// steps of even lightness, so that it also reads without colour vision.

const stops: [number, number, number][] = [
  [0, 0, 4], [40, 11, 84], [101, 21, 110], [159, 42, 99], [212, 72, 66], [245, 125, 21], [250, 193, 39], [252, 255, 164],
];

/** residualFull is the residual that gets the brightest colour: 0.3 of the window of 1400 HU. */
export const residualFull = 0.3;
export const residualFullHU = 420;

/** heat is the colour (red, green, blue of 0..255) of a share of 0..1. */
export function heat(share: number): [number, number, number] {
  const at = Math.min(Math.max(share, 0), 1) * (stops.length - 1);
  const i = Math.min(Math.floor(at), stops.length - 2);
  const f = at - i;
  const a = stops[i] ?? [0, 0, 0];
  const b = stops[i + 1] ?? a;
  return [a[0] + (b[0] - a[0]) * f, a[1] + (b[1] - a[1]) * f, a[2] + (b[2] - a[2]) * f];
}

/** heatTable has 256 colours as red, green, blue. */
export const heatTable: Uint8ClampedArray = (() => {
  const table = new Uint8ClampedArray(256 * 3);
  for (let i = 0; i < 256; i++) table.set(heat(i / 255), i * 3);
  return table;
})();
