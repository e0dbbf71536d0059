// A component whose code is fetched when it is first shown, or before.

import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { texts } from "./texts.ts";

export function lazy<P extends object>(get: () => Promise<ComponentType<P>>): ComponentType<P> {
  let got: ComponentType<P> | null = null;
  let coming: Promise<ComponentType<P>> | null = null;
  const fetchOnce = (): Promise<ComponentType<P>> => (coming ??= get());
  const idle = window.requestIdleCallback ?? ((f: () => void) => window.setTimeout(f, 300));
  idle(() => void fetchOnce().catch(() => { coming = null; }));
  return function Lazy(props: P) {
    const [, redraw] = useState(0);
    const [error, setError] = useState(false);
    useEffect(() => {
      if (got) return;
      fetchOnce().then((c) => { got = c; redraw(1); }, (e) => {
        coming = null;
        console.error("the viewer could not be loaded", e);
        setError(true);
      });
    }, []);
    if (got) {
      const Found = got;
      return <Found {...props} />;
    }
    return error
      ? <p class="error" role="alert">{texts.lazy.viewerNotLoaded}<button type="button" onClick={() => location.reload()}>{texts.common.reloadThePage}</button></p>
      : <p class="loading" role="status">{texts.lazy.loading}</p>;
  };
}

