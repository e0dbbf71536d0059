// The work list: one row for a series, the most deviating first.

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { api, problemOf } from "./api.ts";
import type { Live } from "./events.ts";
import { filtered, none, openedStorage, pageSize, query, storage, stored, type Filters } from "./filters.ts";
import { below, counted, hint, moment, orDash, percent, ranked, shortDigest, shownName, stateNames } from "./format.ts";
import { useKeys } from "./hooks.ts";
import type { Binding } from "./keys.ts";
import type { Row, State, Worklist } from "./types.ts";
import { texts } from "./texts.ts";

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
        setNews(e.kind === "result" ? texts.worklist.newResult : texts.worklist.seriesRefused);
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
    { keys: ["ArrowDown"], shown: "↓ J", does: texts.worklist.nextHelp, run: () => move(1), whileTyping: searching },
    { keys: ["ArrowUp", "k"], shown: "↑ K", does: texts.worklist.previousHelp, run: () => move(-1) },
    { keys: ["Home"], shown: "Home", does: texts.worklist.firstHelp, run: () => links()[0]?.focus() },
    { keys: ["End"], shown: "End", does: texts.worklist.lastHelp, run: () => links().at(-1)?.focus() },
    { keys: ["o"], shown: "O", does: texts.worklist.openHelp, run: () => openOne() },
    { keys: ["Enter"], shown: "Enter", does: texts.worklist.openFirstHelp, run: () => openOne(), whileTyping: searching, overButtons: searching },
    { keys: ["f"], shown: "F", does: texts.worklist.flaggedHelp, run: () => change({ flagged: !filters.flagged }) },
    { keys: ["d"], shown: "D", does: texts.worklist.disagreeHelp, run: () => change({ disagree: !filters.disagree }) },
    { keys: ["u"], shown: "U", does: texts.worklist.unreadHelp, run: () => change({ unread: !filters.unread }) },
    { keys: ["s"], shown: "S", does: texts.worklist.urgentHelp, run: () => change({ stat: !filters.stat }) },
    { keys: ["/"], shown: "/", does: texts.worklist.searchHelp, run: () => search.current?.focus() },
    { keys: ["Escape"], shown: "Esc", does: texts.worklist.leaveSearchHelp, whileTyping: true, run: () => (document.activeElement as HTMLElement | null)?.blur() },
    {
      keys: ["0"], shown: "0", does: texts.worklist.clearHelp,
      run: () => {
        if (search.current) search.current.value = "";
        setFilters(none);
      },
    },
    { keys: ["r"], shown: "R", does: texts.worklist.reloadHelp, run: () => void load() },
    { keys: ["ArrowRight"], shown: "→", does: texts.worklist.nextPageHelp, run: () => page(1) },
    { keys: ["ArrowLeft"], shown: "←", does: texts.worklist.previousPageHelp, run: () => page(-1) },
  ];
  const page = (by: number): void => {
    const offset = filters.offset + by * pageSize;
    if (offset >= 0 && offset < (list?.total ?? 0)) setFilters({ ...filters, offset });
  };
  useKeys(bindings);

  return (
    <main class="worklist">
      <section class="filters" aria-label={texts.worklist.filters}>
        <input
          ref={search} type="search" class="search" placeholder={texts.worklist.searchPlaceholder} aria-label={texts.worklist.searchLabel} maxLength={200} defaultValue={filters.text}
          onInput={(e) => {
            const text = e.currentTarget.value;
            window.clearTimeout(typed.current);
            typed.current = window.setTimeout(() => change({ text }), 250);
          }}
        />
        <div class="chips" role="group" aria-label={texts.worklist.state}>
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
        <div class="chips" role="group" aria-label={texts.common.marks}>
          <Chip on={filters.flagged} onChange={(flagged) => change({ flagged })}>{texts.common.flagged}</Chip>
          <Chip on={filters.disagree} onChange={(disagree) => change({ disagree })}>{texts.common.disagree}</Chip>
          <Chip on={filters.unread} onChange={(unread) => change({ unread })}>
            {texts.worklist.unread}<span class="count" data-test="unread">{list?.unread ?? 0}</span>
          </Chip>
          <Chip on={filters.stat} onChange={(stat) => change({ stat })}>{texts.worklist.urgent}</Chip>
          <Chip on={filters.superseded} onChange={(superseded) => change({ superseded })}>{texts.worklist.showSuperseded}</Chip>
        </div>
        <label class="inline">
          {texts.worklist.probability}
          <input
            type="number" min={0} max={100} step={5} value={filters.least}
            onChange={(e) => change({ least: Math.min(100, Math.max(0, Number(e.currentTarget.value) || 0)) })}
          />
          %
        </label>
        <label class="inline" title={texts.worklist.sizeTitle}>
          {texts.worklist.size}
          <input
            type="number" min={0} max={100} step={1} value={filters.size}
            onChange={(e) => change({ size: Math.min(100, Math.max(0, Number(e.currentTarget.value) || 0)) })}
          />
          {texts.worklist.mm}
        </label>
        <label class="inline" title={texts.worklist.typeTitle}>
          {texts.worklist.type}
          <select value={filters.type} onChange={(e) => change({ type: e.currentTarget.value })}>
            <option value="">{texts.worklist.any}</option>
            {["solid", "part_solid", "ground_glass", "calcified", "fat"].map((t) => <option key={t} value={t}>{t.replaceAll("_", "-")}</option>)}
          </select>
        </label>
        <label class="inline">
          {texts.worklist.sortBy}
          <select
            value={`${filters.sort} ${filters.order}`}
            onChange={(e) => {
              const [sort, order] = e.currentTarget.value.split(" ") as [Filters["sort"], Filters["order"]];
              change({ sort, order });
            }}
          >
            <option value="urgency desc">{texts.worklist.urgentThenOpen}</option>
            <option value="probability desc">{texts.worklist.byProbability}</option>
            <option value="percentile desc">{texts.worklist.percentile}</option>
            <option value="time desc">{texts.worklist.newest}</option>
            <option value="time asc">{texts.worklist.oldest}</option>
            <option value="findings desc">{texts.worklist.findings}</option>
            <option value="state asc">{texts.worklist.byState}</option>
            {[texts.worklist.percentileAsc, texts.worklist.probabilityAsc, texts.worklist.findingsAsc, texts.worklist.stateDesc, texts.worklist.urgencyAsc].map((v) => <option key={v} value={v} hidden>{v.split(" ")[0]}{texts.worklist.reversed}</option>)}
          </select>
        </label>
      </section>
      <p class="visually-hidden" role="status">{news}</p>
      {error && <p class="error" role="alert">{error} <button type="button" onClick={() => void load()}>{texts.common.tryAgain}</button></p>}
      {list && list.unsearched > 0 && (
        <p class="banner warn" role="status" data-test="unsearched">{counted(list.unsearched, "series", "series")}{texts.worklist.notSearched}</p>
      )}
      {list && list.rows.length === 0 && <p class="empty">{filtered(filters) ? texts.worklist.noMatch : texts.worklist.noSeries}</p>}
      {list && list.rows.length > 0 && (
        <table>
          <thead>
            <tr>
              <th scope="col"><span class="visually-hidden">{texts.common.marks}</span></th>
              <th scope="col">{texts.common.patient}</th>
              <th scope="col">{texts.worklist.study}</th>
              <Sorted filters={filters} by="state" order="asc" onSort={change}>{texts.worklist.state}</Sorted>
              <Sorted filters={filters} by="probability" order="desc" onSort={change} number title={texts.worklist.deviationTitle}>{texts.worklist.deviation}</Sorted>
              <Sorted filters={filters} by="findings" order="desc" onSort={change} number title={texts.worklist.decidedTitle}>{texts.worklist.decided}</Sorted>
              <th scope="col">{texts.worklist.detectors}</th>
              <Sorted filters={filters} by="time" order="desc" onSort={change}>{texts.worklist.scoredAt}</Sorted>
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
        <nav class="pages" aria-label={texts.worklist.pages}>
          <button type="button" disabled={filters.offset === 0} onClick={() => page(-1)}>{texts.worklist.previous}</button>
          <span>{filters.offset + 1}{texts.common.toWord}{Math.min(filters.offset + pageSize, list.total)}{texts.common.ofWord}{list.total}</span>
          <button type="button" disabled={filters.offset + pageSize >= list.total} onClick={() => page(1)}>{texts.worklist.next}</button>
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
      <button type="button" class="quiet" title={props.title ?? texts.worklist.sortTitle} onClick={() => props.onSort({ sort: by, order })}>
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
  const name = row.patient ? shownName(row.patient) : texts.common.patientUnknown;
  const classes = [row.unread && opens ? "unread" : "", fresh ? "fresh" : "", row.superseded_by ? "superseded" : ""].filter(Boolean).join(" ");
  return (
    <tr class={classes} data-id={row.id} onClick={() => opens && onOpen(row.id)}>
      <td class="marks">
        {row.unread && opens && <span class="dot" title={texts.worklist.unreadTitle}><span class="visually-hidden">{texts.worklist.unreadTitle}</span></span>}
        {row.priority === "stat" && <span class="badge stat">{texts.worklist.urgent}</span>}
        {row.flag === "flagged" && <span class="badge flag">{texts.common.flagged}</span>}
        {row.flag === "unknown" && row.state !== "waiting" && <span class="badge unknown" title={texts.worklist.incompleteTitle}>{texts.worklist.incomplete}</span>}
      </td>
      <td>
        {opens ? (
          <a class="open" href={`#/series/${row.id}`} onClick={(e) => e.stopPropagation()}>{name}</a>
        ) : <span class="name">{name}</span>}
        <small>{row.patient ? texts.worklist.born(orDash(row.patient.id), orDash(row.patient.birth_date)) : row.patient_problem ? hint(row.patient_problem) : ""}</small>
      </td>
      <td>
        <span class="name">{orDash(row.patient?.study_date)}</span>
        <small>{row.patient ? texts.worklist.acc(orDash(row.patient.accession_number)) : ""}</small>
      </td>
      <td>
        <span class={`state ${row.state}`}>{stateNames[row.state]}</span>
        {row.superseded_by && <small>{texts.worklist.supersededBy}</small>}
        {row.problem && <small title={hint(row.problem)}>{row.problem.message}</small>}
      </td>
      <td class="number" data-head={texts.worklist.deviation}>
        <strong>{row.probability !== null ? percent(row.probability) : ranked(row.percentile)}</strong>
        {below(row) && <small class="below">{below(row)}</small>}
        <small>{row.probability !== null && row.percentile !== null ? ranked(row.percentile) : ""}</small>
      </td>
      <td class="number" data-head={texts.worklist.decided}>
        {row.state === "refused" ? <span class="state refused">{texts.common.notScored}</span> : `${row.decided} / ${row.findings}`}
        {row.state === "refused" && <small>{counted(row.findings, "candidate")}</small>}
        {row.flagged > 0 && <small>{row.flagged}{texts.worklist.flagged}</small>}
      </td>
      <td data-head={texts.worklist.detectors}>
        {row.models.map((m) => <span key={m.digest} title={m.digest}>{m.name} <small class="version">{shortDigest(m.digest)}</small></span>)}
        {row.disagree > 0 && <span class="badge disagree">{texts.worklist.disagreeOn}{row.disagree}</span>}
      </td>
      <td data-head={texts.worklist.scoredAt}><time dateTime={row.time}>{moment(row.time)}</time></td>
    </tr>
  );
}
