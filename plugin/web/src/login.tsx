import { useEffect, useState } from "preact/hooks";
import { api, problemOf } from "./api.ts";
import type { Auth, Session } from "./types.ts";
import { texts } from "./texts.ts";

/** Login asks who is there. over tells that a session has ended. */
export function Login(props: { over: boolean; onSession: (s: Session) => void }) {
  const [auth, setAuth] = useState<Auth | null>(null);
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);

  useEffect(() => {
    api.auth().then(setAuth, (e) => setError(problemOf(e).message));
  }, []);

  const submit = (e: SubmitEvent): void => {
    e.preventDefault();
    const data = new FormData(e.currentTarget as HTMLFormElement);
    setBusy(true);
    setError("");
    api
      .signIn(String(data.get("name") ?? ""), String(data.get("password") ?? ""))
      .then(props.onSession, (e) => {
        const p = problemOf(e);
        setError(p.retryAfter > 0 ? texts.login.tryAgainInS(p.message, p.retryAfter) : p.message);
      })
      .finally(() => setBusy(false));
  };

  return (
    <main class="login">
      <form onSubmit={submit} aria-labelledby="login-title">
        <h1 id="login-title">{texts.login.nodulescopeReview}</h1>
        {props.over && <p class="notice" role="status">{texts.login.sessionEnded}</p>}
        {auth?.local !== false && (
          <>
            <label>
              {texts.login.name}
              <input name="name" autocomplete="username" required maxLength={64} autofocus />
            </label>
            <label>
              {texts.login.password}
              <input name="password" type="password" autocomplete="current-password" required maxLength={1024} />
            </label>
            <button type="submit" class="primary" disabled={busy}>{texts.login.signIn}</button>
          </>
        )}
        {auth?.oidc && <a class="button" href={auth.oidc.url}>{auth.oidc.label}</a>}
        <p class="error" role="alert">{error}</p>
        {auth && <p class="use">{auth.intended_use}</p>}
        {auth && <p class="hint">{auth.software}</p>}
      </form>
    </main>
  );
}
