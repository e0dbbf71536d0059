// The frame around every place: who is signed in, whether events come, the
// intended use.

import { useCallback, useEffect, useState } from "preact/hooks";
import { lazy } from "./lazy.tsx";
import { api, problemOf, whenSignedOut } from "./api.ts";
import { Live, type Link } from "./events.ts";
import { Help } from "./help.tsx";
import { useKeys } from "./hooks.ts";
import { bound, type Binding } from "./keys.ts";
import { Login } from "./login.tsx";
import { theme, turn } from "./theme.ts";
import type { Session } from "./types.ts";
import { RetrainingPage } from "./retraining.tsx";
import { WorklistPage } from "./worklist.tsx";
import { texts } from "./texts.ts";

// The viewer library is fetched while the work list is read.
const Viewer = lazy(() => import("./viewer/viewer.tsx").then((m) => {
  m.prepare();
  return m.ViewerPage;
}));

interface Route {
  series: string;
  finding: number;
}

// For administrators.
const retraining = (): boolean => location.hash === "#/retraining";

function route(): Route | null {
  const m = /^#\/series\/([0-9a-f]{64})(?:\/(\d{1,3}))?$/.exec(location.hash);
  return m ? { series: m[1] ?? "", finding: Number(m[2] ?? 0) } : null;
}

// tellActivity tells the service now and then that somebody works here: typing
// and scrolling ask it for nothing, and a session ends when nothing is asked.
function tellActivity(idleSeconds: number): () => void {
  let told = performance.now();
  const every = Math.min(60, idleSeconds / 4) * 1000;
  const note = (): void => {
    const now = performance.now();
    if (now - told < every) return;
    told = now;
    api.activity().catch(() => {}); // the stream of events says when the service is gone
  };
  const kinds = ["keydown", "pointerdown", "pointermove", "wheel", "input", "scroll"];
  for (const kind of kinds) window.addEventListener(kind, note, { capture: true, passive: true });
  return () => {
    for (const kind of kinds) window.removeEventListener(kind, note, { capture: true });
  };
}

export function App() {
  const [session, setSession] = useState<Session | null>(null);
  const [asked, setAsked] = useState(false);
  const [over, setOver] = useState(false);
  const [problem, setProblem] = useState("");
  const [at, setAt] = useState(route);
  const [models, setModels] = useState(retraining);
  const [live, setLive] = useState<Live | null>(null);
  const [link, setLink] = useState<Link>("live");
  const [unread, setUnread] = useState(0);
  const [shade, setShade] = useState(theme);
  const [help, setHelp] = useState<Binding[] | null>(null);

  useEffect(() => {
    whenSignedOut(() => {
      setSession((s) => {
        if (s) setOver(true);
        return null;
      });
    });
    const ask = (): void => {
      api.session().then(
        (s) => {
          setSession(s);
          setProblem("");
          setAsked(true);
        },
        (e) => {
          const p = problemOf(e);
          if (p.status === 401) setAsked(true);
          else {
            setProblem(p.message);
            window.setTimeout(ask, 3000);
          }
        },
      );
    };
    ask();
    const moved = (): void => {
      setAt(route());
      setModels(retraining());
    };
    window.addEventListener("hashchange", moved);
    return () => window.removeEventListener("hashchange", moved);
  }, []);

  // One stream of events for as long as the session lasts.
  useEffect(() => {
    if (!session) {
      setLive(null);
      return;
    }
    const stream = new Live("", setLink);
    setLive(stream);
    return () => stream.close();
  }, [session?.name]);

  useEffect(() => (session ? tellActivity(session.idle_seconds) : undefined), [session?.csrf]);

  const open = useCallback((id: string) => {
    location.hash = `#/series/${id}`;
  }, []);

  useKeys([
    { keys: ["?"], shown: "?", does: texts.app.thisList, run: () => setHelp((h) => (h ? null : bound())) },
  ], session !== null && help === null);

  if (!asked) return <main class="login"><p role="status">{problem ? texts.app.tryingAgain(problem) : texts.common.loading}</p></main>;
  if (!session) {
    return (
      <Login
        over={over}
        onSession={(s) => {
          setOver(false);
          setSession(s);
        }}
      />
    );
  }
  return (
    <div class={at ? "frame viewing" : "frame"}>
      <header class="top">
        <h1 class="visually-hidden">{at ? texts.app.findingsOfASeries : models ? texts.common.retraining : texts.common.workList}</h1>
        <a class="home" href="#/" aria-label={texts.common.workList}>
          {texts.app.nodulescope}{unread > 0 && <span class="count" title={texts.app.unreadSeries(unread)}>{unread}</span>}
        </a>
        <p class="use" data-test="intended-use">{session.intended_use}</p>
        <span class="spacer" />
        {session.role === "admin" && !at && <a class="quiet" href={models ? "#/" : "#/retraining"} data-test="retraining">{models ? texts.common.workList : texts.common.retraining}</a>}
        {session.role !== "view" && !at && <a class="quiet" href={api.decisionsTable} download>{texts.app.decisionsCsv}</a>}
        <button type="button" class="quiet" data-test="theme" title={texts.app.themeHint} onClick={() => setShade(turn())}>{shade === "dark" ? texts.app.light : texts.app.dark}</button>
        <button type="button" class="quiet" onClick={() => setHelp(bound())}>{texts.app.shortcuts}<kbd>?</kbd></button>
        <span class="who" title={texts.app.role(session.role)}>{session.display_name || session.name}</span>
        <button
          type="button" class="quiet"
          onClick={() => void api.signOut().catch(() => {}).finally(() => {
            location.hash = "#/";
            sessionStorage.clear(); // what was searched names a patient
            setSession(null);
          })}
        >
          {texts.app.signOut}
        </button>
      </header>
      {link === "lost" && (
        <p class="banner lost" role="alert" data-test="link-lost">
          {texts.app.connectionLost}
        </p>
      )}
      {at ? (
        <Viewer key={at.series} id={at.series} finding={at.finding} session={session} live={live} link={link} />
      ) : models && session.role === "admin" ? (
        <RetrainingPage session={session} />
      ) : (
        <WorklistPage live={live} onList={() => {}} onUnread={setUnread} onOpen={open} />
      )}
      {help && <Help bindings={help} onClose={() => setHelp(null)} />}
    </div>
  );
}
