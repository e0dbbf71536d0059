// The voxels of a series: one buffer of HU that fills slice by slice, those
// nearest to where one looks first.

import { cache, eventTarget, Enums, ImageVolume, imageLoader, triggerEvent, utilities } from "@cornerstonejs/core";
import { api } from "../api.ts";
import { imageName } from "../format.ts";
import type { Series, Vec3 } from "../types.ts";
import { makeGrid, placeSlice, toIndex, toPosition, type Grid } from "./grid.ts";

const air = -1024;
const parallel = 4; // requests at once: browsers allow six to one host, and events take one
const announceEvery = 120; // ms between two notices of new slices

export interface Progress {
  loaded: number;
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
  private readonly state: Uint8Array; // 0 not asked for, 1 on its way, 2 there, 3 failed, 4 no such slice
  private readonly stop = new AbortController();
  private readonly onProgress: (p: Progress) => void;
  private focus = 0;
  private loaded = 0;
  private failed = 0;
  private announced = 0;
  private announcement = 0;

  constructor(series: Series, onProgress: (p: Progress) => void) {
    if (!series.geometry) throw new Error("the images of this series cannot be read at the moment");
    this.series = series;
    this.onProgress = onProgress;
    this.grid = makeGrid(series.geometry);
    this.id = `hu:${series.id}`;
    this.dataId = `series:${series.id}`;
    const [cols, rows, slices] = this.grid.dims;
    this.voxels = new Int16Array(cols * rows * slices).fill(air);
    this.state = new Uint8Array(slices);
    this.grid.places.forEach((place, k) => {
      if (!place) this.state[k] = 4;
    });
    this.volume = this.makeVolume(series.geometry.frame_of_reference_uid);
    cache.putVolumeSync(this.id, this.volume);
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
    (volume.voxelManager as unknown as { getRange: () => [number, number] }).getRange = () => [-32768, 32767];
    return volume;
  }

  // Without a scheme, so that the library never tries to load one by itself.
  private imageId(k: number): string {
    return `${this.series.id}/${k}`;
  }

  private sliceOf(k: number): Int16Array {
    const size = this.grid.dims[0] * this.grid.dims[1];
    return this.voxels.subarray(k * size, (k + 1) * size);
  }

  /** load fetches the slices, nearest to the position first. */
  load(position: Vec3): void {
    this.look(position);
    for (let i = 0; i < parallel; i++) void this.worker();
  }

  /** look says where the next slices are wanted. */
  look(position: Vec3): void {
    this.focus = Math.round(toIndex(this.grid, position)[2]);
  }

  /** has tells whether the slice at a position is there. */
  has(position: Vec3): boolean {
    const k = Math.round(toIndex(this.grid, position)[2]);
    return this.state[k] === 2;
  }

  /** gap tells whether the series has no slice at a position. */
  gap(position: Vec3): boolean {
    return this.state[Math.round(toIndex(this.grid, position)[2])] === 4;
  }

  /** image is what other viewers call the image at a position, empty where it has no number. */
  image(position: Vec3): string {
    const slice = this.grid.places[Math.round(toIndex(this.grid, position)[2])]?.slice ?? -1;
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
    if (c < 0 || r < 0 || k < 0 || c >= cols || r >= rows || k >= slices || this.state[k] !== 2) return null;
    return this.voxels[(k * rows + r) * cols + c] ?? null;
  };

  private next(): number {
    let best = -1;
    let nearest = Infinity;
    for (let k = 0; k < this.state.length; k++) {
      if (this.state[k] !== 0) continue;
      const d = Math.abs(k - this.focus);
      if (d < nearest) {
        nearest = d;
        best = k;
      }
    }
    return best;
  }

  private async worker(): Promise<void> {
    for (let k = this.next(); k >= 0 && !this.stop.signal.aborted; k = this.next()) {
      this.state[k] = 1;
      try {
        await this.fetchSlice(k);
        this.state[k] = 2;
        this.loaded++;
      } catch {
        if (this.stop.signal.aborted) return;
        this.state[k] = 3;
        this.failed++;
      }
      this.announce(k);
    }
  }

  private async fetchSlice(k: number): Promise<void> {
    const place = this.grid.places[k];
    const g = this.series.geometry;
    if (!place || !g) return;
    const uid = g.instances[place.slice] ?? "";
    const pixels = await api.slice(`${this.series.instances_url}/${uid}/frames/${g.frame_numbers[place.slice] ?? 1}`, this.stop.signal);
    if (pixels.length !== g.rows * g.cols) throw new Error("the slice differs in size from the series");
    if (this.stop.signal.aborted) return;
    const [cols, rows] = this.grid.dims;
    const out = this.sliceOf(k);
    placeSlice(out, cols, rows, pixels, g.cols, g.rows, place);
    // The graphics texture is filled from these, one by one.
    imageLoader.createAndCacheLocalImage(this.imageId(k), {
      scalarData: out,
      dimensions: [cols, rows],
      spacing: [this.grid.spacing[0], this.grid.spacing[1]],
      origin: toPosition(this.grid, [0, 0, k]),
      direction: this.grid.axes.flat() as [number, number, number, number, number, number, number, number, number],
      frameOfReferenceUID: g.frame_of_reference_uid,
      targetBuffer: { type: "Int16Array" },
    });
    this.volume.vtkOpenGLTexture.setUpdatedFrame(k);
  }

  // New slices are drawn at once where one looks, otherwise a few times a second.
  private announce(k: number): void {
    const done = this.loaded + this.failed === this.total;
    const now = performance.now();
    if (done || Math.abs(k - this.focus) < 1 || now - this.announced > announceEvery) {
      this.announced = now;
      window.clearTimeout(this.announcement);
      this.announcement = 0;
      triggerEvent(eventTarget, done ? Enums.Events.IMAGE_VOLUME_LOADING_COMPLETED : Enums.Events.IMAGE_VOLUME_MODIFIED, {
        volumeId: this.id,
        FrameOfReferenceUID: this.series.geometry?.frame_of_reference_uid,
      });
      this.onProgress({ loaded: this.loaded, total: this.total, failed: this.failed });
    }
  }

  /** ready counts the slices that are there. */
  get ready(): number {
    return this.loaded;
  }

  get total(): number {
    return this.state.length - this.grid.missing;
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
