// The voxels of a series: one buffer of HU that fills slice by slice, on a slow
// line at first in reduced quality.

import { cache, eventTarget, Enums, ImageVolume, imageLoader, triggerEvent, utilities } from "@cornerstonejs/core";
import { api } from "../api.ts";
import { imageName } from "../format.ts";
import type { Series, Vec3 } from "../types.ts";
import type { Plane } from "./cube.ts";
import { makeGrid, placeSlice, toIndex, toPosition, type Grid } from "./grid.ts";
import { Line } from "./line.ts";
import { next, Quality, type Part, type Wanted } from "./order.ts";
import { canUnpack, enlarge, inflate, unpackReduced, unpackRest, unpackWhole } from "./packed.ts";
import { around, Regions, type Bounds } from "./region.ts";
import { axesOf } from "./slice.ts";
import { colourSlice } from "./software.ts";

const air = -1024;
const parallel = 4; // requests at once: browsers allow six to one host, and events take one
const parallelSlow = 3; // the line is never idle, and what is asked for next is not far behind what is on its way
const nearMM = 10; // to each side of a finding: what is seen of it comes without loss first
const announceEvery = 120; // ms between two notices of new slices

export interface Progress {
  loaded: number; // without loss
  reduced: number; // there, but in reduced quality
  total: number;
  failed: number;
}

type Volume = InstanceType<typeof ImageVolume>;

/** SeriesVolume loads a series into a volume of the viewer library. */
export class SeriesVolume {
  readonly id: string;
  readonly grid: Grid;
  readonly dataId: string;
  private readonly series: Series;
  private readonly voxels: Int16Array;
  private readonly volume: Volume;
  private readonly quality: Uint8Array; // of each slice, a Quality
  private readonly busy: Uint8Array; // 1: on its way, failed, or no such slice
  private readonly halves = new Map<number, Int16Array>(); // first parts whose second part is not there
  private readonly regions = new Regions();
  private readonly touched: Uint8Array; // slices of the buffer that hold air where nothing else is written
  private readonly line: Line;
  private readonly stop = new AbortController();
  private readonly onProgress: (p: Progress) => void;
  private focus = 0;
  private finding = -1; // the slice of the finding; none: -1
  private aim = ""; // where the finding is
  private center: Vec3 | null = null; // of the finding whose region has not been asked for
  private surrounded = false; // the region of the finding is there, or on its way
  private workers = 0;
  private loaded = 0;
  private failed = 0;
  private announced = 0;
  private drawing = 0; // ms that the newest one took

  constructor(series: Series, onProgress: (p: Progress) => void) {
    if (!series.geometry) throw new Error("the images of this series cannot be read at the moment");
    this.series = series;
    this.onProgress = onProgress;
    this.grid = makeGrid(series.geometry);
    this.id = `hu:${series.id}`;
    this.dataId = `series:${series.id}`;
    const [cols, rows, slices] = this.grid.dims;
    this.line = new Line(series.id);
    this.voxels = new Int16Array(cols * rows * slices);
    this.touched = new Uint8Array(slices);
    this.quality = new Uint8Array(slices);
    this.busy = new Uint8Array(slices);
    this.grid.places.forEach((place, k) => {
      if (place) return;
      this.busy[k] = 1;
      this.sliceOf(k);
    });
    this.volume = this.makeVolume(series.geometry.frame_of_reference_uid);
    cache.putVolumeSync(this.id, this.volume);
    this.tellPlanes(series.geometry.frame_of_reference_uid);
    utilities.genericViewportDisplaySetMetadataProvider.add(this.dataId, {
      kind: "planar",
      imageIds: this.volume.imageIds,
      volumeId: this.id,
    });
  }

  private makeVolume(frame: string): Volume {
    const { dims, spacing, origin, axes, places } = this.grid;
    const [cols, rows, slices] = dims;
    const direction = [...axes[0], ...axes[1], ...axes[2]];
    const volume = new ImageVolume({
      volumeId: this.id,
      dataType: "Int16Array",
      dimensions: dims,
      spacing,
      origin,
      direction: direction as unknown as ConstructorParameters<typeof ImageVolume>[0]["direction"],
      imageIds: places.map((_, k) => this.imageId(k)),
      referencedImageIds: [],
      metadata: {
        BitsAllocated: 16, BitsStored: 16, HighBit: 15, SamplesPerPixel: 1, PixelRepresentation: 1,
        PhotometricInterpretation: "MONOCHROME2", Modality: "CT", SeriesInstanceUID: this.series.series_uid,
        ImageOrientationPatient: [...axes[0], ...axes[1]], PixelSpacing: [spacing[1], spacing[0]],
        FrameOfReferenceUID: frame, Columns: cols, Rows: rows,
        voiLut: [{ windowCenter: -600, windowWidth: 1500 }], VOILUTFunction: "LINEAR",
      } as unknown as ConstructorParameters<typeof ImageVolume>[0]["metadata"],
      voxelManager: utilities.VoxelManager.createScalarVolumeVoxelManager({
        dimensions: [cols, rows, slices],
        scalarData: this.voxels,
        numberOfComponents: 1,
        id: this.id,
      }) as unknown as NonNullable<ConstructorParameters<typeof ImageVolume>[0]["voxelManager"]>,
    } as ConstructorParameters<typeof ImageVolume>[0]);
    // The range only scales and clamps: the whole of CT, known before the voxels.
    Object.assign(volume.voxelManager ?? {}, { getRange: () => [-32768, 32767], drawnByThePage: this.aligned });
    return volume;
  }

  // The library looks slices up by their place, also those that have not arrived.
  private tellPlanes(frame: string): void {
    const { dims, spacing, axes } = this.grid;
    const [columns, rows] = dims;
    const [columnPixelSpacing, rowPixelSpacing] = spacing;
    this.volume.imageIds.forEach((id, k) => utilities.genericMetadataProvider.add(id, {
      type: Enums.MetadataModules.IMAGE_PLANE,
      metadata: {
        frameOfReferenceUID: frame, rows, columns, rowPixelSpacing, columnPixelSpacing, pixelSpacing: [rowPixelSpacing, columnPixelSpacing],
        rowCosines: axes[0], columnCosines: axes[1], imageOrientationPatient: [...axes[0], ...axes[1]], imagePositionPatient: toPosition(this.grid, [0, 0, k]),
      },
    }));
  }

  // Without a scheme, so that the library never tries to load one by itself.
  private imageId(k: number): string {
    return `${this.series.id}/${k}`;
  }

  // sliceOf is a slice of the buffer to be written to. Filling them all at once takes longer than the first slice.
  private sliceOf(k: number): Int16Array {
    const size = this.grid.dims[0] * this.grid.dims[1];
    const slice = this.voxels.subarray(k * size, (k + 1) * size);
    if (!this.touched[k]) slice.fill(air);
    this.touched[k] = 1;
    return slice;
  }

  /** load fetches the slices, that of the finding or what surrounds it first, alone: it tells how fast the line is. */
  load(position: Vec3): void {
    this.look(position);
    this.around(position);
    this.workers++;
    void this.work(1).then(() => {
      const workers = this.slow ? parallelSlow : parallel;
      for (let i = 0; i < workers; i++) {
        this.workers++;
        void this.work(Infinity);
      }
    });
  }

  /** look says where the next slices are wanted. */
  look(position: Vec3): void {
    this.focus = this.sliceAt(position);
  }

  /** around says where the finding is that is shown: what surrounds it comes without loss first. */
  around(position: Vec3): void {
    const place = position.join();
    if (place === this.aim) return; // it is on its way
    this.aim = place;
    this.finding = this.sliceAt(position);
    this.surrounded = this.covered(position);
    this.center = this.surrounded ? null : position;
  }

  // covered tells whether what surrounds a position has come.
  private covered(position: Vec3): boolean {
    const g = this.series.geometry;
    const box = g && around(this.grid, position, g);
    return box ? this.regions.covers(box.bounds.low, box.bounds.high) || this.worst(box.bounds.low[2], box.bounds.high[2]) === Quality.whole : false;
  }

  private sliceAt(position: Vec3): number {
    return Math.round(toIndex(this.grid, position)[2]);
  }

  private get near(): number {
    return Math.ceil(nearMM / this.grid.spacing[2]);
  }

  /** has tells whether the slice at a position is there, in whatever quality. */
  has(position: Vec3): boolean {
    return this.hu(position) !== null;
  }

  /** lossless tells whether all up to so many mm from positions, and between them, is there without loss, or never will be. */
  lossless(positions: Vec3[], mm = 0): boolean {
    const index = positions.map((p) => toIndex(this.grid, p));
    const reach = this.grid.spacing.map((s) => Math.ceil(mm / s));
    const end = (a: 0 | 1 | 2, most: number, pick: (...of: number[]) => number): number =>
      Math.min(Math.max(Math.round(pick(...index.map((i) => i[a]))) + most * (reach[a] ?? 0), 0), this.grid.dims[a] - 1);
    const low: Vec3 = [end(0, -1, Math.min), end(1, -1, Math.min), end(2, -1, Math.min)];
    const high: Vec3 = [end(0, 1, Math.max), end(1, 1, Math.max), end(2, 1, Math.max)];
    return this.regions.covers(low, high) || this.worst(low[2], high[2]) === Quality.whole;
  }

  /** worst is the lowest quality of the slices from one to another; those that the series does not have do not count. */
  worst(from: number, to: number): number {
    let least: number = Quality.whole;
    for (let k = Math.max(0, from); k <= Math.min(to, this.quality.length - 1); k++) {
      if (this.grid.places[k] && (this.quality[k] ?? 0) < least) least = this.quality[k] ?? 0;
    }
    return least;
  }

  /** pieces are the boxes that have come without loss, whatever of their slices has. */
  get pieces(): readonly Bounds[] {
    return this.regions.list;
  }

  /** missing are the runs of slices that have not arrived: first and last. */
  missing(): [number, number][] {
    const runs: [number, number][] = [];
    this.quality.forEach((q, k) => {
      if (q !== Quality.nothing || !this.grid.places[k]) return;
      const last = runs.at(-1);
      if (last && last[1] === k - 1) last[1] = k;
      else runs.push([k, k]);
    });
    return runs;
  }

  /** gap tells whether the series has no slice at a position. */
  gap(position: Vec3): boolean {
    return this.grid.places[this.sliceAt(position)] === null;
  }

  /** image is what other viewers call the image at a position, empty where it has no number. */
  image(position: Vec3): string {
    const slice = this.grid.places[this.sliceAt(position)]?.slice ?? -1;
    const g = this.series.geometry;
    return imageName(g?.instance_numbers[slice] ?? null, g?.frame_numbers[slice] ?? null);
  }

  /** hu is the value of the voxel at a position, null where there is none (yet). */
  hu(position: Vec3): number | null {
    return this.voxel(...(toIndex(this.grid, position).map(Math.round) as Vec3));
  }

  /** voxel is the HU of a voxel of the grid, null where there is none (yet). */
  readonly voxel = (c: number, r: number, k: number): number | null => {
    const [cols, rows, slices] = this.grid.dims;
    if (c < 0 || r < 0 || k < 0 || c >= cols || r >= rows || k >= slices || (this.quality[k] === Quality.nothing && !this.regions.holds(c, r, k))) return null;
    return this.voxels[(k * rows + r) * cols + c] ?? null;
  };

  /** aligned tells whether the planes of the body are those of the grid, as near as the library asks for where it does not mix slices. */
  get aligned(): boolean {
    return this.grid.axes.every((axis, i) => Math.abs(axis[i as 0 | 1 | 2]) > 0.995);
  }

  /** colour makes pixels of a slice of the grid, row by row, by a table of the 16 bits of HU. */
  colour(plane: Plane, k: number, table: Uint32Array, out: Uint32Array): void {
    colourSlice(this.voxels, this.grid.dims, this.touched, air, axesOf[plane], k, table, out);
  }

  private get slow(): boolean {
    return canUnpack() && this.line.slow;
  }

  // work fetches what is wanted next, so many times at most.
  private async work(times: number): Promise<void> {
    for (let i = 0; i < times && !this.stop.signal.aborted; i++) {
      const { slow } = this;
      if (slow && this.workers > parallelSlow) break; // it was fast until now
      if (slow && (await this.surround())) continue;
      const wanted = next({ quality: this.quality, busy: this.busy, focus: this.focus, finding: this.finding, around: this.surrounded ? 0 : this.near, slow });
      if (!wanted) break;
      this.busy[wanted.k] = 1;
      try {
        await this.fetch(wanted, slow);
        this.busy[wanted.k] = 0;
      } catch {
        if (this.stop.signal.aborted) break;
        this.failed++; // and stays as it is
      }
      this.announce(wanted.k);
    }
    this.workers--;
  }

  // surround fetches what surrounds the finding, and tells whether it has. Where that
  // cannot be had, whole slices come instead.
  private async surround(): Promise<boolean> {
    const { center } = this;
    const g = this.series.geometry;
    this.center = null;
    const box = center && g && around(this.grid, center, g);
    if (!box) return false;
    this.surrounded = true;
    try {
      const { bounds, asked } = box;
      const { bytes, ms } = await api.region(this.series.id, asked, this.stop.signal);
      this.line.note(bytes.length, ms, this.workers);
      const size = asked.rows * asked.cols;
      const all = await unpackWhole(bytes, asked.count * asked.rows, asked.cols);
      const slices = new Map<number, Int16Array>();
      for (let k = bounds.low[2]; k <= bounds.high[2]; k++) {
        const at = (this.grid.places[k]?.slice ?? -1) - asked.first;
        if (at >= 0 && this.quality[k] !== Quality.whole) slices.set(k, all.subarray(at * size, (at + 1) * size));
      }
      if (this.stop.signal.aborted) return true;
      this.regions.add(bounds, slices);
      for (const k of slices.keys()) {
        if (this.quality[k] === Quality.whole) continue; // has come meanwhile
        this.regions.place(k, this.sliceOf(k), this.grid.dims[0]);
        this.show(k);
      }
      this.announce(this.focus);
    } catch {
      if (this.stop.signal.aborted) return true;
      this.surrounded = false;
    }
    return true;
  }

  private async fetch({ k, part }: Wanted, slow: boolean): Promise<void> {
    const place = this.grid.places[k];
    const g = this.series.geometry;
    if (!place || !g) return;
    const url = `${this.series.instances_url}/${g.instances[place.slice] ?? ""}/frames/${g.frame_numbers[place.slice] ?? 1}`;
    const pixels = await this.pixels(url, k, part, slow);
    if (pixels.length !== g.rows * g.cols) throw new Error("the slice differs in size from the series");
    if (this.stop.signal.aborted) return;
    const [cols, rows] = this.grid.dims;
    const out = this.sliceOf(k);
    placeSlice(out, cols, rows, pixels, g.cols, g.rows, place);
    if (part === "reduced") {
      this.quality[k] = Quality.reduced;
      this.regions.place(k, out, cols);
    } else {
      this.quality[k] = Quality.whole;
      this.halves.delete(k);
      this.regions.forget(k);
      this.loaded++;
    }
    this.show(k);
  }

  // show has the library draw a slice whose voxels have come.
  private show(k: number): void {
    const [cols, rows] = this.grid.dims;
    if (!cache.getImageLoadObject(this.imageId(k))) {
      // The graphics texture is filled from these, one by one.
      imageLoader.createAndCacheLocalImage(this.imageId(k), {
        scalarData: this.sliceOf(k),
        dimensions: [cols, rows],
        spacing: [this.grid.spacing[0], this.grid.spacing[1]],
        origin: toPosition(this.grid, [0, 0, k]),
        direction: this.grid.axes.flat() as [number, number, number, number, number, number, number, number, number],
        frameOfReferenceUID: this.series.geometry?.frame_of_reference_uid ?? "",
        targetBuffer: { type: "Int16Array" },
      });
    }
    this.volume.vtkOpenGLTexture.setUpdatedFrame(k);
  }

  // pixels fetches a slice, or what is missing of it, and makes a whole one of it.
  private async pixels(url: string, k: number, part: Part, slow: boolean): Promise<Int16Array> {
    const g = this.series.geometry;
    if (!g) throw new Error("the series has no geometry");
    const plain = !slow && part === "whole";
    const { bytes, ms } = await (plain ? api.slice(url, this.stop.signal) : api.packed(url, part, this.stop.signal));
    this.line.note(bytes.length, ms, this.workers);
    if (plain) return new Int16Array(bytes.buffer);
    if (part === "whole") return unpackWhole(bytes, g.rows, g.cols);
    const reduced = part === "rest" ? this.halves.get(k) : unpackReduced(await inflate(bytes), g.rows, g.cols);
    if (!reduced) throw new Error("the first part of the slice is gone");
    if (part === "rest") return unpackRest(reduced, await inflate(bytes), g.rows, g.cols);
    this.halves.set(k, reduced);
    return enlarge(reduced, g.rows, g.cols);
  }

  // New slices are drawn at once where one looks, otherwise a few times a second, and
  // less often where drawing takes long: the page has other things to do.
  private announce(k: number): void {
    const done = this.loaded + this.failed === this.total;
    const now = performance.now();
    if (done || Math.abs(k - this.focus) < 1 || now - this.announced > Math.max(announceEvery, 3 * this.drawing)) {
      this.announced = now;
      triggerEvent(eventTarget, done ? Enums.Events.IMAGE_VOLUME_LOADING_COMPLETED : Enums.Events.IMAGE_VOLUME_MODIFIED, {
        volumeId: this.id,
        FrameOfReferenceUID: this.series.geometry?.frame_of_reference_uid,
      });
      this.onProgress({ loaded: this.loaded, reduced: this.halves.size, total: this.total, failed: this.failed });
      window.requestAnimationFrame(() => window.setTimeout(() => { this.drawing = performance.now() - now; }));
    }
  }

  /** ready tells one state of the voxels from another. */
  get ready(): number {
    return 2 * this.loaded + this.halves.size + this.regions.list.length / 1000;
  }

  get total(): number {
    return this.quality.length - this.grid.missing;
  }

  /** close stops loading and gives the memory back. */
  close(): void {
    this.stop.abort();
    utilities.genericViewportDisplaySetMetadataProvider.remove(this.dataId);
    for (const id of this.volume.imageIds) {
      if (cache.getImageLoadObject(id)) cache.removeImageLoadObject(id, { force: true });
    }
    utilities.genericMetadataProvider.clear();
    cache.removeVolumeLoadObject(this.id);
  }
}
