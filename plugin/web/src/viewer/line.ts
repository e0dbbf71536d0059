// How fast the line is: by how long the bytes of slices take.

const slowBelow = 50e6; // bits a second
const tellsMuch = 8192; // bytes: fewer come at once whatever the line
const share = 0.5; // of the newest answer in what is believed

/** Line is what is known of the line between service and browser: at first by the description of a series. Where nothing is known it is a slow one. */
export class Line {
  private rate = 0; // bits a second
  private readonly fixed: boolean | null;

  constructor(series: string) {
    const wanted = new URLSearchParams(location.search).get("line");
    const all = performance.getEntriesByType("resource") as PerformanceResourceTiming[];
    const described = all.filter((e) => e.name.endsWith(`/series/${series}`)).at(-1);
    if (described && described.encodedBodySize > tellsMuch && described.responseEnd > described.responseStart) {
      this.note(described.encodedBodySize, described.responseEnd - described.responseStart, 1);
    }
    performance.clearResourceTimings(); // the browser keeps 250 of them, and notes none that come after
    this.fixed = wanted === "slow" ? true : wanted === "fast" ? false : null;
  }

  /** note takes in how many ms the body of an answer took, of so many that came at once. */
  note(bytes: number, ms: number, atOnce: number): void {
    const rate = (8000 * bytes * atOnce) / Math.max(ms, 0.1);
    this.rate = this.rate === 0 ? rate : this.rate * (1 - share) + rate * share;
  }

  get slow(): boolean {
    return this.fixed ?? this.rate < slowBelow;
  }
}
