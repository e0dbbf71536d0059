// Live events, with what the page shows while they do not come.

import { api, problemOf } from "./api.ts";
import type { Decision } from "./types.ts";

export type LiveEvent =
  | { kind: "result" | "refused"; id: string; supersedes: string | null }
  | { kind: "decision"; id: string; number: number; decision: Decision }
  | { kind: "reset" };

export type Link = "live" | "lost";

const silence = 40_000; // ms without a heartbeat after which the link counts as lost
const again = 3_000;

/** Live keeps one stream of events open until it is closed. */
export class Live {
  private source: EventSource | null = null;
  private timer = 0;
  private retry = 0;
  private after: string;
  private readonly listeners = new Set<(e: LiveEvent) => void>();
  private readonly onLink: (link: Link) => void;

  constructor(after: string, onLink: (link: Link) => void) {
    this.after = after;
    this.onLink = onLink;
    window.addEventListener("online", this.reopen);
    window.addEventListener("offline", this.lost);
    this.open();
  }

  /** listen calls f for every event, until the function that it returns is called. */
  listen(f: (e: LiveEvent) => void): () => void {
    this.listeners.add(f);
    return () => this.listeners.delete(f);
  }

  close(): void {
    window.removeEventListener("online", this.reopen);
    window.removeEventListener("offline", this.lost);
    window.clearTimeout(this.timer);
    window.clearTimeout(this.retry);
    this.source?.close();
    this.source = null;
  }

  private readonly reopen = (): void => {
    this.source?.close();
    this.open();
  };

  private readonly lost = (): void => this.onLink("lost");

  private open(): void {
    window.clearTimeout(this.retry);
    const source = new EventSource(api.eventsURL(this.after));
    this.source = source;
    source.addEventListener("hello", (e) => this.heard(e, true));
    source.addEventListener("heartbeat", (e) => this.heard(e, true));
    source.addEventListener("reset", (e) => {
      this.heard(e, true);
      this.tell({ kind: "reset" });
    });
    for (const kind of ["result", "refused"] as const) {
      source.addEventListener(kind, (e) => {
        const data = this.heard(e, true);
        if (typeof data?.id === "string") {
          this.tell({ kind, id: data.id, supersedes: typeof data.supersedes === "string" ? data.supersedes : null });
        }
      });
    }
    source.addEventListener("decision", (e) => {
      const data = this.heard(e, true);
      if (typeof data?.id === "string" && typeof data.number === "number" && data.decision) {
        this.tell({ kind: "decision", id: data.id, number: data.number, decision: data.decision as Decision });
      }
    });
    source.onerror = () => {
      this.onLink("lost");
      if (source.readyState === EventSource.CLOSED) this.later(); // else the browser tries again by itself
    };
    this.watch();
  }

  private heard(e: Event, live: boolean): Record<string, unknown> | null {
    const message = e as MessageEvent<string>;
    if (message.lastEventId) this.after = message.lastEventId;
    if (live) this.onLink("live");
    this.watch();
    try {
      const data: unknown = JSON.parse(message.data);
      return data && typeof data === "object" ? (data as Record<string, unknown>) : null;
    } catch {
      return null;
    }
  }

  private watch(): void {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => {
      this.onLink("lost");
      this.reopen();
    }, silence);
  }

  // A refused stream does not say why: the session does.
  private later(): void {
    window.clearTimeout(this.retry);
    this.retry = window.setTimeout(() => {
      api.session().then(
        () => this.reopen(),
        (e) => {
          if (problemOf(e).status !== 401) this.later();
        },
      );
    }, again);
  }

  private tell(e: LiveEvent): void {
    for (const f of this.listeners) f(e);
  }
}
