// What the review API answers, as plugin/review/openapi.yaml describes it.

export type Vec3 = [number, number, number];

export interface Auth {
  local: boolean;
  oidc: { label: string; url: string } | null;
  software: string;
  intended_use: string;
}

export interface WindowPreset {
  name: string;
  label: string;
  center: number;
  width: number;
}

export interface Labelled {
  code: string;
  label: string;
}

export type Role = "view" | "review" | "admin";

export interface Session {
  name: string;
  display_name: string;
  role: Role;
  csrf: string;
  expires: string;
  idle_seconds: number;
  software: string;
  intended_use: string;
  kinds: Labelled[];
  window_presets: WindowPreset[];
}

export interface Patient {
  name: string;
  id: string;
  birth_date: string;
  sex: string;
  accession_number: string;
  study_date: string;
  study_description: string;
  series_number: string;
  series_description: string;
}

export interface Note {
  code: string;
  message: string;
}

export type State = "waiting" | "scored" | "refused" | "in_review" | "done";

export interface Row {
  id: string;
  state: State;
  priority: "stat" | "routine";
  time: string;
  patient: Patient | null;
  patient_problem?: Note;
  findings: number;
  decided: number;
  flagged: number;
  flag: "flagged" | "clear" | "unknown";
  disagree: number;
  probability: number | null;
  percentile: number | null;
  base_rate: number | null;
  unread: boolean;
  models: { name: string; digest: string }[];
  problem: Note | null;
  superseded_by: string | null;
}

export interface Worklist {
  rows: Row[];
  total: number;
  unread: number;
  counts: Record<string, number>;
  offset: number;
  limit: number;
  event_id: string;
  unsearched: number;
}

export interface Model {
  name: string;
  digest: string;
  calibration: string;
  prevalence: number;
  threshold: number;
  loaded: boolean;
}

export interface Geometry {
  slices: number;
  rows: number;
  cols: number;
  spacing_mm: Vec3; // z, y, x
  origin_lps_mm: Vec3;
  col_step_mm: Vec3;
  row_step_mm: Vec3;
  line?: Vec3;
  normal: Vec3;
  offsets_mm: number[];
  tilt_deg: number;
  missing_slices: number;
  frame_of_reference_uid: string;
  instances: string[];
  instance_numbers: (number | null)[];
  frame_numbers: (number | null)[]; // in a multi-frame file
  kernel: string;
  slice_thickness_mm: number | null;
}

export interface Histogram {
  edges: number[];
  counts: number[];
  normals: number;
}

export interface Score {
  model: string;
  digest: string;
  raw: number;
  per_voxel: number;
  probability: number | null;
  calibration: string;
  prevalence?: number;
  percentile: number;
  anomalous: boolean;
  threshold: number;
  histogram: Histogram | null;
  terms: { name: string; value: number }[];
  worth: { specificity: Share; sensitivity: Share | null; normals: number; anomalies: number } | null;
}

export interface Share {
  value: number;
  low: number;
  high: number;
}

export interface Rung {
  rung: string;
  prevalence: number;
  threshold: number;
  sensitivity: Share;
  specificity: Share;
}

export interface Part {
  feature: string;
  about: string;
  unit?: string;
  value: number;
  typical: number;
  adds: number;
}

export interface Headline {
  rung: string;
  raw: number;
  probability: number;
  low: number;
  high: number;
  percentile: number;
  flagged: boolean;
  parts: Part[];
}

export type Verdict = "suspicious" | "benign" | "not_nodule" | "unsure";

export interface Decision {
  version: number;
  verdict: Verdict;
  kind: string; // of what is no nodule
  comment: string;
  reviewer: string;
  time: string;
  published: boolean;
  outline?: DrawnOutline; // absent: the network's stands
  distances?: Distance[];
}

export interface DrawnOutline {
  method: "semiautomatic" | "manual";
  spacing_mm: number;
  centre_lps_mm: Vec3;
  runs: string; // see viewer/runs.ts
  measurements?: Measurements;
}

export interface Distance {
  from_lps_mm: Vec3;
  to_lps_mm: Vec3;
  length_mm: number;
  plane?: "axial" | "coronal" | "sagittal"; // absent in decisions from before it was kept
}

export interface NewDecision {
  verdict: Verdict;
  kind?: string;
  comment?: string;
  base_version: number;
  outline?: Omit<DrawnOutline, "measurements">;
  distances?: Distance[];
}

export interface Patch {
  size: Vec3;
  spacing_mm: number;
  origin_lps_mm: Vec3;
}

export interface Measurements {
  volume_mm3: number;
  volume_uncertainty_mm3: number;
  diameter_mm: number;
  diameter_uncertainty_mm: number;
  long_axis_mm: number;
  short_axis_mm: number;
  mean_axis_mm: number;
  axis_uncertainty_mm: number;
  mean_hu: number | null;
  sd_hu: number | null;
  mean_uncertainty_hu: number | null;
  solid_volume_mm3: number;
  solid_diameter_mm: number;
  type: string;
  sphericity: number;
  wall_contact_share: number;
  vessel_contact_share: number;
}

export interface Outline {
  found: boolean;
  codes: Labelled[];
  grid: Patch | null;
  measurements: Measurements | null;
}

export interface Finding {
  number: number;
  nodule_id: string;
  position_lps_mm: Vec3;
  voxel_zyx: Vec3 | null;
  slice: number | null;
  instance_uid: string | null;
  image_number: number | null;
  frame_number: number | null; // in a multi-frame file
  diameter_mm: number | null;
  confidence: number | null;
  headline: Headline | null;
  headline_problem: Note | null;
  rung: Rung | null;
  scores: Score[];
  failed: { model: string; digest: string; code: string; message: string }[];
  probability: number | null;
  percentile: number | null;
  base_rate: number | null;
  flagged: boolean;
  disagreement: { percentile_gap: number; flags_differ: boolean } | null;
  applicability: Labelled[];
  padding_pct: number;
  problem: Note | null;
  outline: Outline | null;
  outline_problem: Note | null;
  outline_place: Patch & { centre_lps_mm: Vec3 };
  patch: Patch | null;
  decision: Decision | null;
  versions: number;
  intended_use: string;
}

export interface Series {
  id: string;
  study_uid: string;
  series_uid: string;
  patient: Patient | null;
  patient_problem?: Note;
  state: State;
  priority: string;
  time: string;
  geometry: Geometry | null;
  source_problem?: Note;
  slices: number;
  slices_url: string;
  instances_url: string;
  window_presets: WindowPreset[];
  models: Model[];
  outliner: { name: string; digest: string; preprocessing: string } | null;
  findings: Finding[];
  warnings: Note[];
  problem: Note | null;
  software: string;
  preprocessing: string;
  intended_use: string;
  asked: { candidates: number; source: string; job_id: string };
  superseded_by: string | null;
  supersedes: string | null;
  event_id: string;
}

export type ImageKind = "scan" | "patch" | "support" | "reconstruction" | "residual" | "outline";

export interface ProblemBody {
  title: string;
  status: number;
  code: string;
  detail: string;
  current?: Decision;
  current_series?: string;
}

// What administrators look after.

export interface Promotion {
  version: string;
  set: string;
  time?: string;
  by?: string;
  approved?: string;
  forced?: boolean;
  reason?: string;
}

export interface ModelRequest {
  id: string;
  change: ModelChange & { by: string };
  from: Promotion;
  to: Promotion;
  asked: string;
  expires: string;
}

export interface ModelVersion {
  version: string;
  kind: string;
  made?: string;
  set: string;
  parent?: string;
  signer?: string;
  models: string[];
  scores: boolean;
  comparison: { created: string; allowed: boolean; reasons: string[] } | null;
}

export interface Retraining {
  current: Promotion;
  promotions: Promotion[];
  consent: { persons: number; request?: ModelRequest; void?: string };
  follows: boolean;
  damaged?: string;
  versions: ModelVersion[];
}

export interface ModelChange {
  version?: string;
  rollback?: boolean;
  approve?: string;
  withdraw?: string;
  forced?: boolean;
  reason?: string;
}

export interface Changed {
  from: Promotion;
  to: Promotion;
  request?: ModelRequest;
  withdrawn?: boolean;
  waits: boolean;
  service: string;
}

export interface Sided {
  name: string;
  patients: number;
  normals: number;
  anomalies: number;
  unlabelled?: number;
  others?: number;
}

export interface DataCard {
  counts: { nodules: number; patients: number; series: number; normals: number; anomalies: number; unlabelled: number };
  sides: Sided[];
  exclusions: { code: string; reason: string; nodules: number; decided: number }[];
  label_noise: { nodules_with_several_readers: number; disagree: number };
  enough_for: { for: string; needs: string; has: string; ok: boolean }[];
  warnings: string[];
}

export interface Paired {
  before: number;
  after: number;
  difference: number;
  low: number;
  high: number;
  known: boolean;
}

export interface Comparison {
  created: string;
  candidate: { version: string };
  incumbent: { version: string };
  allowed: boolean;
  reasons: string[];
  notes: string[];
  sides?: {
    name: string; fixed: boolean; patients: number; normals: number; anomalies: number;
    rows: { name: string; same: boolean; auroc: Paired; flags: Paired; size_matched: Paired; moved_2mm: Paired }[] | null;
  }[] | null;
}

export interface VersionDetails {
  version: string;
  set: string;
  details: {
    kind?: string; created?: string; software?: string; mode?: string; start?: string; seed?: number; parent?: string; parent_version?: string;
    data?: { digest?: string; sides?: Sided[] };
    parts?: { name: string; did: string; calibration_normals: number; calibration_anomalies: number }[];
  } | null;
  report: { warnings?: string[] } | null;
  card: DataCard | null;
  comparison: Comparison | null;
}

export interface ShadowValue {
  probability: number | null;
  percentile: number;
  flagged: boolean;
}

export interface Shadow {
  run: {
    candidate: Promotion; beside: Promotion; by: string; started: string; ended?: string; why?: string;
    counts: { series: number; nodules: number; failed: number; dropped: number; interrupted: number };
  } | null;
  goes?: boolean;
  scores?: { name: string; nodules: number; agree: Share; flagged: Paired; new_flags: number; flags_gone: number; rank_correlation: number }[];
  largest?: { result: string; finding: number; pairs: { name: string; before: ShadowValue; after: ShadowValue }[] }[];
  pictures?: boolean[];
}

export interface Drift {
  version: string;
  reference: string;
  series: number;
  days: number;
  minimum: number;
  alarm: boolean;
  values: { name: string; number: boolean; baseline: boolean; reference: number; window: number; before: number; after: number; distance: number; p: number; enough: boolean; alarm: boolean }[];
}
