// The distances of the viewer library, as the finding's.

import { eventTarget } from "@cornerstonejs/core";
import { Enums as ToolEnums, LengthTool, annotation, utilities as toolUtilities } from "@cornerstonejs/tools";
import type { Distance, Vec3 } from "../types.ts";
import { same } from "./correction.ts";
import { planes as all, type Plane } from "./cube.ts";
import { add, dot, length, toIndex, type Grid } from "./grid.ts";
import { axisOf, type Planes, type View } from "./planes.ts";

const shortest = 0.1; // mm: less is a click
const most = 20;
const bodyAxis: Record<Plane, 0 | 1 | 2> = { axial: 2, coronal: 1, sagittal: 0 }; // that a plane is across, LPS

/** drawnDistances are those that the library holds now. */
export function drawnDistances(): Distance[] {
  const list: Distance[] = [];
  for (const a of annotation.state.getAllAnnotations()) {
    const [from, to] = (a.data.handles?.points ?? []) as Vec3[];
    if (!from || !to) continue;
    const mm = length(add(to, from, -1));
    const plane = planeOf(a.metadata?.viewPlaneNormal as Vec3 | undefined);
    if (mm >= shortest) list.push({ from_lps_mm: [...from] as Vec3, to_lps_mm: [...to] as Vec3, length_mm: Math.round(mm * 10) / 10, ...(plane && { plane }) });
  }
  return list.slice(0, most);
}

// planeOf is the plane that the library looks at along a normal.
function planeOf(normal: Vec3 | undefined): Plane | null {
  return all.find((p) => normal && Math.abs(normal[bodyAxis[p]]) > 0.7) ?? null;
}

/** showDistances puts distances in place of those that the library holds. */
export function showDistances(list: Distance[], planes: Planes, grid: Grid, frame: string): void {
  if (same(list, drawnDistances())) return;
  annotation.state.removeAllAnnotations();
  for (const d of list) {
    const way = add(d.to_lps_mm, d.from_lps_mm, -1);
    const within = all.filter((p) => Math.abs(dot(way, planes.views[p].normal())) < 0.05);
    const plane = within.find((p) => p === d.plane) ?? within[0]; // the first of a decision that names none
    if (plane) annotation.state.addAnnotation(made(d, planes.views[plane], grid, frame), planes.views[plane].element);
  }
  toolUtilities.triggerAnnotationRenderForViewportIds([...all]);
}

// made is bound to its slice by the slice's number, which the library counts along the normal: its
// bond by position fails where two floats of 32 bits differ in the last digit.
function made(d: Distance, view: View, grid: Grid, frame: string): Parameters<typeof annotation.state.addAnnotation>[0] {
  const [normal, down] = [view.normal(), view.down()];
  const axis = axisOf[view.plane];
  const k = Math.round(toIndex(grid, d.from_lps_mm)[axis]);
  const sliceIndex = dot(grid.axes[axis], normal) > 0 ? k : grid.dims[axis] - 1 - k;
  const zero: Vec3 = [0, 0, 0];
  return {
    highlighted: false, invalidated: true, isLocked: false, isVisible: true,
    metadata: { toolName: LengthTool.toolName, viewPlaneNormal: normal, viewUp: [-down[0], -down[1], -down[2]], FrameOfReferenceUID: frame, sliceIndex },
    data: {
      label: "", cachedStats: {},
      handles: {
        points: [[...d.from_lps_mm], [...d.to_lps_mm]], activeHandleIndex: null,
        textBox: { hasMoved: false, worldPosition: zero, worldBoundingBox: { topLeft: zero, topRight: zero, bottomLeft: zero, bottomRight: zero } },
      },
    },
  } as unknown as Parameters<typeof annotation.state.addAnnotation>[0];
}

/** whenMeasured calls f after a distance was drawn, changed or taken away, until the function that it returns is called. */
export function whenMeasured(elements: HTMLElement[], f: () => void): () => void {
  let soon = 0;
  const later = (): void => {
    window.clearTimeout(soon);
    soon = window.setTimeout(f, 0); // once the library has taken note
  };
  eventTarget.addEventListener(ToolEnums.Events.ANNOTATION_COMPLETED, later);
  for (const e of elements) e.addEventListener("pointerup", later);
  return () => {
    window.clearTimeout(soon);
    eventTarget.removeEventListener(ToolEnums.Events.ANNOTATION_COMPLETED, later);
    for (const e of elements) e.removeEventListener("pointerup", later);
  };
}
