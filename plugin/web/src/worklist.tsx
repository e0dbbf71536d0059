// The work list: one row for a series, the most deviating first.

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { api, problemOf } from "./api.ts";
import type { Live } from "./events.ts";
import { filtered, none, openedStorage, pageSize, query, storage, stored, type Filters } from "./filters.ts";
import { below, counted, hint, moment, orDash, percent, ranked, shortDigest, shownName, stateNames } from "./format.ts";
import { useKeys } from "./hooks.ts";
import type { Binding } from "./keys.ts";
import type { Row, State, Worklist } from "./types.ts";

const states: State[] = ["waiting", "scored", "in_review", "done", "refused"];

export function WorklistPage(props: { live: Live | null; onList: (eventId: string) => void; onUnread: (n: number) => void; onOpen: (id: string) => void }) {
  const [filters, setFilters] = useState(stored);
  const [list, setList] = useState<Worklist | null>(null);
  const [error, setError] = useState("");
  const [fresh, setFresh] = useState<Set<string>>(new Set());
  const [news, setNews] = useState("");
  const body = useRef<HTMLTableSectionElement>(null);
  const search = useRef<HTMLInputElement>(null);
  const typed = useRef(0);

  const load = useCallback(async (signal?: AbortSignal) => {
    try {
      const got = await api.worklist(query(filters), filters.text, signal);
      setList(got);
      setError("");
      props.onUnread(got.unread);
      props.onList(got.event_id);
    } catch (e) {
      if (!signal?.aborted) setError(problemOf(e).message);
    }
  }, [filters]);

  useEffect(() => {
    sessionStorage.setItem(storage, JSON.stringify(filters));
    const stop = new AbortController();
    void load(stop.signal);
    return () => stop.abort();
  }, [load]);

  useEffect(() => {
    let timer = 0;
    const off = props.live?.listen((e) => {
      if (e.kind === "result" || e.kind === "refused") {
        setFresh((old) => new Set(old).add(e.id));
        setNews(e.kind === "result" ? "A new result has arrived." : "A series was refused.");
      }
      window.clearTimeout(timer);
      timer = window.setTimeout(() => void load(), 150);
    });
    return () => {
      window.clearTimeout(timer);
      off?.();
    };
  }, [props.live, load]);

  // Who comes back finds the row that was opened last.
  const found = useRef(false);
  useEffect(() => {
    if (!list || found.current) return;
    found.current = true;
    const row = [...(body.current?.querySelectorAll<HTMLElement>("tr[data-id]") ?? [])].find((r) => r.dataset.id === sessionStorage.getItem(openedStorage));
    row?.querySelector<HTMLAnchorElement>("a.open")?.focus({ preventScroll: true });
    row?.scrollIntoView({ block: "center" });
  }, [list]);

  const change = (by: Partial<Filters>): void => setFilters((f) => ({ ...f, offset: 0, ...by }));
  const links = (): HTMLAnchorElement[] => [...(body.current?.querySelectorAll<HTMLAnchorElement>("a.open") ?? [])];
  const move = (by: number): void => {
    const all = links();
    const at = all.indexOf(document.activeElement as HTMLAnchorElement);
    all[at < 0 ? 0 : Math.min(Math.max(at + by, 0), all.length - 1)]?.focus();
  };

  const openOne = (): void => {
    const all = links();
    (all[Math.max(0, all.indexOf(document.activeElement as HTMLAnchorElement))])?.click();
  };
  const searching = (): boolean => document.activeElement === search.current;
  const bindings: Binding[] = [
    { keys: ["j"], shown: "", does: "", run: () => move(1) },
    { keys: ["ArrowDown"], shown: "↓ J", does: "next series", run: () => move(1), whileTyping: searching },
    { keys: ["ArrowUp", "k"], shown: "↑ K", does: "previous series", run: () => move(-1) },
    { keys: ["Home"], shown: "Home", does: "first series", run: () => links()[0]?.focus() },
    { keys: ["End"], shown: "End", does: "last series", run: () => links().at(-1)?.focus() },
    { keys: ["o"], shown: "O", does: "open it", run: () => openOne() },
    { keys: ["Enter"], shown: "Enter", does: "open the series (the first if none is selected)", run: () => openOne(), whileTyping: searching, overButtons: searching },
    { keys: ["f"], shown: "F", does: "only flagged, or all", run: () => change({ flagged: !filters.flagged }) },
    { keys: ["d"], shown: "D", does: "only where detectors disagree, or all", run: () => change({ disagree: !filters.disagree }) },
    { keys: ["u"], shown: "U", does: "only unread, or all", run: () => change({ unread: !filters.unread }) },
    { keys: ["s"], shown: "S", does: "only urgent, or all", run: () => change({ stat: !filters.stat }) },
    { keys: ["/"], shown: "/", does: "search by name, ID or accession number", run: () => search.current?.focus() },
    { keys: ["Escape"], shown: "Esc", does: "leave the search", whileTyping: true, run: () => (document.activeElement as HTMLElement | null)?.blur() },
    {
      keys: ["0"], shown: "0", does: "clear search and filters",
      run: () => {
        if (search.current) search.current.value = "";
        setFilters(none);
      },
    },
    { keys: ["r"], shown: "R", does: "reload the list", run: () => void load() },
    { keys: ["ArrowRight"], shown: "→", does: "next page", run: () => page(1) },
    { keys: ["ArrowLeft"], shown: "←", does: "previous page", run: () => page(-1) },
  ];
  const page = (by: number): void => {
    const offset = filters.offset + by * pageSize;
    if (offset >= 0 && offset < (list?.total ?? 0)) setFilters({ ...filters, offset });
  };
  useKeys(bindings);

  return (
    <main class="worklist">
      <section class="filters" aria-label="Filters">
        <input
          ref={search} type="search" class="search" placeholder="Name, ID or accession no.  /" aria-label="Search by name, ID or accession number" maxLength={200} defaultValue={filters.text}
          onInput={(e) => {
            const text = e.currentTarget.value;
            window.clearTimeout(typed.current);
            typed.current = window.setTimeout(() => change({ text }), 250);
          }}
        />
        <div class="chips" role="group" aria-label="State">
          {states.map((s) => (
            <Chip
              key={s}
              on={filters.states.includes(s)}
              onChange={(on) => change({ states: on ? [...filters.states, s] : filters.states.filter((x) => x !== s) })}
            >
              {stateNames[s]} <span class="count">{list?.counts[s] ?? 0}</span>
            </Chip>
          ))}
        </div>
        <div class="chips" role="group" aria-label="Marks">
          <Chip on={filters.flagged} onChange={(flagged) => change({ flagged })}>flagged</Chip>
          <Chip on={filters.disagree} onChange={(disagree) => change({ disagree })}>disagree</Chip>
          <Chip on={filters.unread} onChange={(unread) => change({ unread })}>
            unread <span class="count" data-test="unread">{list?.unread ?? 0}</span>
          </Chip>
          <Chip on={filters.stat} onChange={(stat) => change({ stat })}>urgent</Chip>
          <Chip on={filters.superseded} onChange={(superseded) => change({ superseded })}>show superseded</Chip>
        </div>
        <label class="inline">
          probability ≥
          <input
            type="number" min={0} max={100} step={5} value={filters.least}
            onChange={(e) => change({ least: Math.min(100, Math.max(0, Number(e.currentTarget.value) || 0)) })}
          />
          %
        </label>
        <label class="inline" title="of one finding at least: mean of the axes, or the diameter that was given">
          size ≥
          <input
            type="number" min={0} max={100} step={1} value={filters.size}
            onChange={(e) => change({ size: Math.min(100, Math.max(0, Number(e.currentTarget.value) || 0)) })}
          />
          mm
        </label>
        <label class="inline" title="of the same finding">
          type
          <select value={filters.type} onChange={(e) => change({ type: e.currentTarget.value })}>
            <option value="">any</option>
            {["solid", "part_solid", "ground_glass", "calcified", "fat"].map((t) => <option key={t} value={t}>{t.replaceAll("_", "-")}</option>)}
          </select>
        </label>
        <label class="inline">
          sort by
          <select
            value={`${filters.sort} ${filters.order}`}
            onChange={(e) => {
              const [sort, order] = e.currentTarget.value.split(" ") as [Filters["sort"], Filters["order"]];
              change({ sort, order });
            }}
          >
            <option value="urgency desc">urgent, then open</option>
            <option value="probability desc">probability</option>
            <option value="percentile desc">percentile</option>
            <option value="time desc">newest</option>
            <option value="time asc">oldest</option>
            <option value="findings desc">findings</option>
            <option value="state asc">state</option>
            {["percentile asc", "probability asc", "findings asc", "state desc", "urgency asc"].map((v) => <option key={v} value={v} hidden>{v.split(" ")[0]}, reversed</option>)}
          </select>
        </label>
      </section>
      <p class="visually-hidden" role="status">{news}</p>
      {error && <p class="error" role="alert">{error} <button type="button" onClick={() => void load()}>Try again</button></p>}
      {list && list.unsearched > 0 && (
        <p class="banner warn" role="status" data-test="unsearched">{counted(list.unsearched, "series", "series")} not searched: the patient could not be read.</p>
      )}
      {list && list.rows.length === 0 && <p class="empty">{filtered(filters) ? "No series match these filters." : "No series yet. Results appear here as they arrive."}</p>}
      {list && list.rows.length > 0 && (
        <table>
          <thead>
            <tr>
              <th scope="col"><span class="visually-hidden">Marks</span></th>
              <th scope="col">Patient</th>
              <th scope="col">Study</th>
              <Sorted filters={filters} by="state" order="asc" onSort={change}>State</Sorted>
              <Sorted filters={filters} by="probability" order="desc" onSort={change} number title="Highest of all findings: how far a nodule deviates from the reference nodules. Not the probability of cancer.">Deviation</Sorted>
              <Sorted filters={filters} by="findings" order="desc" onSort={change} number title="sorts by the number of findings">Decided</Sorted>
              <th scope="col">Detectors</th>
              <Sorted filters={filters} by="time" order="desc" onSort={change}>Scored at</Sorted>
            </tr>
          </thead>
          <tbody ref={body}>
            {list.rows.map((row) => (
              <SeriesRow key={row.id} row={row} fresh={fresh.has(row.id)} onOpen={props.onOpen} />
            ))}
          </tbody>
        </table>
      )}
      {list && list.total > pageSize && (
        <nav class="pages" aria-label="Pages">
          <button type="button" disabled={filters.offset === 0} onClick={() => page(-1)}>← previous</button>
          <span>{filters.offset + 1} to {Math.min(filters.offset + pageSize, list.total)} of {list.total}</span>
          <button type="button" disabled={filters.offset + pageSize >= list.total} onClick={() => page(1)}>next →</button>
        </nav>
      )}
    </main>
  );
}

// Sorted is the head of a column that orders the list, and turns the order round.
function Sorted(props: {
  filters: Filters; by: Filters["sort"]; order: Filters["order"]; onSort: (by: Partial<Filters>) => void;
  number?: boolean; title?: string; children: preact.ComponentChildren;
}) {
  const { filters: f, by } = props;
  const on = f.sort === by;
  const order = on ? (f.order === "desc" ? "asc" : "desc") : props.order;
  return (
    <th scope="col" class={props.number ? "number" : ""} aria-sort={on ? (f.order === "desc" ? "descending" : "ascending") : undefined}>
      <button type="button" class="quiet" title={props.title ?? "sort by this column"} onClick={() => props.onSort({ sort: by, order })}>
        {props.children}{on && <span aria-hidden="true"> {f.order === "desc" ? "↓" : "↑"}</span>}
      </button>
    </th>
  );
}

function Chip(props: { on: boolean; onChange: (on: boolean) => void; children: preact.ComponentChildren }) {
  return (
    <button type="button" class="chip" aria-pressed={props.on} onClick={() => props.onChange(!props.on)}>
      {props.children}
    </button>
  );
}

function SeriesRow({ row, fresh, onOpen }: { row: Row; fresh: boolean; onOpen: (id: string) => void }) {
  const opens = row.state !== "waiting";
  const name = row.patient ? shownName(row.patient) : "Patient unknown";
  const classes = [row.unread && opens ? "unread" : "", fresh ? "fresh" : "", row.superseded_by ? "superseded" : ""].filter(Boolean).join(" ");
  return (
    <tr class={classes} data-id={row.id} onClick={() => opens && onOpen(row.id)}>
      <td class="marks">
        {row.unread && opens && <span class="dot" title="unread"><span class="visually-hidden">unread</span></span>}
        {row.priority === "stat" && <span class="badge stat">urgent</span>}
        {row.flag === "flagged" && <span class="badge flag">flagged</span>}
        {row.flag === "unknown" && row.state !== "waiting" && <span class="badge unknown" title="not every finding could be scored">incomplete</span>}
      </td>
      <td>
        {opens ? (
          <a class="open" href={`#/series/${row.id}`} onClick={(e) => e.stopPropagation()}>{name}</a>
        ) : <span class="name">{name}</span>}
        <small>{row.patient ? `${orDash(row.patient.id)} · born ${orDash(row.patient.birth_date)}` : row.patient_problem ? hint(row.patient_problem) : ""}</small>
      </td>
      <td>
        <span class="name">{orDash(row.patient?.study_date)}</span>
        <small>{row.patient ? `Acc. ${orDash(row.patient.accession_number)}` : ""}</small>
      </td>
      <td>
        <span class={`state ${row.state}`}>{stateNames[row.state]}</span>
        {row.superseded_by && <small>superseded by a newer result</small>}
        {row.problem && <small title={hint(row.problem)}>{row.problem.message}</small>}
      </td>
      <td class="number">
        <strong>{row.probability !== null ? percent(row.probability) : ranked(row.percentile)}</strong>
        {below(row) && <small class="below">{below(row)}</small>}
        <small>{row.probability !== null && row.percentile !== null ? ranked(row.percentile) : ""}</small>
      </td>
      <td class="number">
        {row.state === "refused" ? <span class="state refused">not scored</span> : `${row.decided} / ${row.findings}`}
        {row.state === "refused" && <small>{counted(row.findings, "candidate")}</small>}
        {row.flagged > 0 && <small>{row.flagged} flagged</small>}
      </td>
      <td>
        {row.models.map((m) => <span key={m.digest} title={m.digest}>{m.name} <small class="version">{shortDigest(m.digest)}</small></span>)}
        {row.disagree > 0 && <span class="badge disagree">disagree on {row.disagree}</span>}
      </td>
      <td><time dateTime={row.time}>{moment(row.time)}</time></td>
    </tr>
  );
}
