// The client of the review API. Every call that fails throws a Problem whose
// code is that of the service, or "no_connection" where none answered.

import type {
  Auth, Changed, Decision, Drift, DrawnOutline, Finding, ImageKind, Labelled, Measurements, ModelChange, NewDecision, ProblemBody, Retraining, Series, Session, Shadow, VersionDetails, Worklist,
} from "./types.ts";

import type { Asked } from "./viewer/region.ts";
import { texts } from "./texts.ts";

const root = "api/v1";

export class Problem extends Error {
  readonly code: string;
  readonly status: number;
  readonly body: Partial<ProblemBody>;
  readonly retryAfter: number;

  constructor(code: string, status: number, detail: string, body: Partial<ProblemBody> = {}, retryAfter = 0) {
    super(detail);
    this.name = "Problem";
    this.code = code;
    this.status = status;
    this.body = body;
    this.retryAfter = retryAfter;
  }
}

/** problemOf makes a Problem of whatever was thrown. */
export function problemOf(e: unknown): Problem {
  if (e instanceof Problem) return e;
  return new Problem("page_failed", 0, e instanceof Error ? e.message : String(e));
}

let csrf = "";
let onSignedOut: () => void = () => {};

/** whenSignedOut is called where the service says that the session is over. */
export function whenSignedOut(f: () => void): void {
  onSignedOut = f;
}

async function failure(response: Response): Promise<Problem> {
  let body: Partial<ProblemBody> = {};
  try {
    const parsed: unknown = await response.json();
    if (parsed && typeof parsed === "object") body = parsed as Partial<ProblemBody>;
  } catch {
    // not JSON: the status has to do
  }
  return new Problem(
    body.code ?? "http_" + response.status,
    response.status,
    body.detail ?? texts.api.badStatus(response.status),
    body,
    Number(response.headers.get("Retry-After") ?? 0) || 0,
  );
}

async function call(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  if (init.method && init.method !== "GET") headers.set("X-CSRF-Token", csrf);
  let response: Response;
  try {
    response = await fetch(path, { ...init, headers, credentials: "same-origin", cache: "no-store" });
  } catch (e) {
    if (init.signal?.aborted) throw e;
    throw new Problem("no_connection", 0, "The service cannot be reached.");
  }
  if (response.ok) return response;
  const problem = await failure(response);
  if (problem.code === "not_signed_in") onSignedOut();
  throw problem;
}

async function json<T>(path: string, init?: RequestInit): Promise<T> {
  const response = await call(path, init);
  return (await response.json()) as T;
}

function sent(method: string, body: unknown): RequestInit {
  return { method, body: JSON.stringify(body), headers: { "Content-Type": "application/json" } };
}

function keep(session: Session): Session {
  csrf = session.csrf;
  return session;
}

const series = (id: string): string => `${root}/series/${encodeURIComponent(id)}`;
const finding = (id: string, number: number): string => `${series(id)}/findings/${number}`;

export const api = {
  auth: () => json<Auth>(`${root}/auth`),
  session: async () => keep(await json<Session>(`${root}/session`)),
  signIn: async (name: string, password: string) =>
    keep(await json<Session>(`${root}/session`, sent("POST", { name, password }))),
  signOut: async () => {
    await call(`${root}/session`, { method: "DELETE" });
    csrf = "";
  },
  /** activity prolongs the session of somebody who types or scrolls. */
  activity: async () => {
    await call(`${root}/session/activity`, { method: "POST" });
  },
  /** worklist is a page of the list. What is searched may name a patient, so it is not in the address. */
  worklist: (query: URLSearchParams, text: string, signal?: AbortSignal) =>
    json<Worklist>(`${root}/worklist${text.trim() ? "/search" : ""}?${query.toString()}`, { ...(text.trim() ? sent("POST", { text }) : {}), ...(signal ? { signal } : {}) }),
  series: (id: string) => json<Series>(series(id)),
  finding: (id: string, number: number) => json<Finding>(finding(id, number)),
  decisions: async (id: string, number: number) =>
    (await json<{ decisions: Decision[] }>(`${finding(id, number)}/decisions`)).decisions,
  /** measure is what the service measures of an outline that is being drawn; nothing is kept. */
  measure: (id: string, number: number, outline: Omit<DrawnOutline, "measurements">, signal: AbortSignal) =>
    json<{ measurements: Measurements; codes: Labelled[] }>(`${finding(id, number)}/outline`, { ...sent("POST", outline), signal }),
  decide: (id: string, number: number, decision: NewDecision) =>
    json<Decision>(`${finding(id, number)}/decision`, sent("PUT", decision)),

  /** image is one cube of floats, z, y, x. It waits while the service is busy. */
  image: async (id: string, number: number, kind: ImageKind, model: string, signal: AbortSignal): Promise<Float32Array> => {
    const query = model ? "?" + new URLSearchParams({ model }).toString() : "";
    const response = await patiently(() => call(`${finding(id, number)}/images/${kind}${query}`, { signal }), signal);
    return new Float32Array(await response.arrayBuffer());
  },
  /** slice is the HU of one slice, row by row, in 16 bits each. */
  slice: (url: string, signal: AbortSignal) =>
    timed(() => call(url, { signal, headers: { Accept: "application/octet-stream" } }), signal),
  /** packed is a slice, or a part of it, as the service compresses it. */
  packed: (url: string, part: string, signal: AbortSignal) => timed(() => call(`${url}/packed?part=${part}`, { signal }), signal),
  /** region is a window of several slices, as the service compresses them. */
  region: (id: string, asked: Asked, signal: AbortSignal) =>
    timed(() => call(`${series(id)}/region?${new URLSearchParams(Object.entries(asked).map(([k, v]) => [k, String(v)])).toString()}`, { signal }), signal),
  thumbnail: (id: string, number: number) => `${finding(id, number)}/images/scan?format=png&plane=axial&scale=2`,
  eventsURL: (after: string) => `${root}/events${after ? "?" + new URLSearchParams({ last_event_id: after }).toString() : ""}`,
  decisionsTable: `${root}/decisions.csv`,

  // For administrators.
  retraining: () => json<Retraining>(`${root}/retraining`),
  version: (name: string) => json<VersionDetails>(`${root}/retraining/versions/${encodeURIComponent(name)}`),
  shadow: () => json<Shadow>(`${root}/retraining/shadow`),
  shadowPicture: (number: number) => `${root}/retraining/shadow/pictures/${number}`,
  drift: () => json<Drift>(`${root}/retraining/drift`),
  changeModels: (change: ModelChange) => json<Changed>(`${root}/retraining/changes`, sent("POST", change)),
};

// timed is the body of an answer, and how many ms its bytes took to come: by the
// browser's own clock of the network, as a page that is busy notes them late.
async function timed(ask: () => Promise<Response>, signal: AbortSignal): Promise<{ bytes: Uint8Array<ArrayBuffer>; ms: number }> {
  const response = await patiently(ask, signal);
  const start = performance.now();
  const bytes = new Uint8Array(await response.arrayBuffer());
  const late = performance.now() - start;
  const entry = performance.getEntriesByName(response.url).at(-1) as PerformanceResourceTiming | undefined;
  return { bytes, ms: entry && entry.responseEnd > entry.responseStart ? entry.responseEnd - entry.responseStart : late };
}

/** patiently repeats what a busy service could not take yet. */
async function patiently(ask: () => Promise<Response>, signal: AbortSignal): Promise<Response> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await ask();
    } catch (e) {
      const wait = e instanceof Problem && (e.code === "busy" || e.code === "no_connection");
      if (!wait || attempt >= 6 || signal.aborted) throw e;
      await new Promise((done) => setTimeout(done, 300 * 2 ** attempt));
      if (signal.aborted) throw e;
    }
  }
}
