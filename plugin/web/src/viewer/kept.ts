// Pictures of findings: those of the finding that is shown, of a few that were, and of
// the one that comes next, fetched ahead.

import { api } from "../api.ts";
import type { Finding, ImageKind, Patch } from "../types.ts";
import { makeCube, type Cube } from "./cube.ts";

/** detectorKinds are the pictures of "why". */
export const detectorKinds = ["patch", "residual", "reconstruction"] as const;

const most = 24; // of 86 KiB each, outlines up to 1 MiB

interface Entry {
  number: number;
  cube: Cube | null; // null: on its way
  coming: Promise<Cube>;
  stop: AbortController;
}

type Get = (id: string, number: number, kind: ImageKind, model: string, signal: AbortSignal) => Promise<Float32Array>;

/** Kept holds pictures of the findings of one series. */
export class Kept {
  private readonly id: string;
  private readonly get: Get;
  private readonly all = new Map<string, Entry>(); // the newest last

  constructor(id: string, get: Get = api.image) {
    this.id = id;
    this.get = get;
  }

  /** cube is a picture that is here, null where it is not. */
  cube(number: number, kind: ImageKind, model: string): Cube | null {
    return this.all.get(key(number, kind, model))?.cube ?? null;
  }

  /** fetch brings a picture, once for all who want it. */
  fetch(number: number, kind: ImageKind, model: string, grid: Patch): Promise<Cube> {
    const name = key(number, kind, model);
    let e = this.all.get(name);
    if (e) this.all.delete(name);
    else {
      const stop = new AbortController();
      const made: Entry = { number, cube: null, stop, coming: this.get(this.id, number, kind, model, stop.signal).then((data) => (made.cube = makeCube(data, grid))) };
      made.coming.catch(() => {
        if (this.all.get(name) === made) this.all.delete(name); // who asks again may have it
      });
      e = made;
    }
    this.all.set(name, e);
    for (const old of this.all.keys()) {
      if (this.all.size <= most) break;
      this.drop(old);
    }
    return e.coming;
  }

  /** ahead brings what a finding will show, unless it is here. */
  async ahead(f: Finding, model: string): Promise<void> {
    const { patch, outline } = f;
    const grid = outline?.grid ?? null;
    await Promise.all([
      ...(grid ? [this.fetch(f.number, "outline", "", grid)] : []),
      ...(patch && model ? detectorKinds.map((kind) => this.fetch(f.number, kind, kind === "patch" ? "" : model, patch)) : []),
    ]);
  }

  /** only ends the requests for all but these findings. */
  only(numbers: number[]): void {
    for (const [name, e] of this.all) {
      if (!e.cube && !numbers.includes(e.number)) this.drop(name);
    }
  }

  private drop(name: string): void {
    this.all.get(name)?.stop.abort();
    this.all.delete(name);
  }
}

const key = (number: number, kind: ImageKind, model: string): string => `${number} ${kind} ${model}`;
