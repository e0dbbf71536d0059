// Dark or light: as the system says, or as somebody chose in this browser.

export type Theme = "dark" | "light";

const storage = "nodulescope.theme";
const system = window.matchMedia("(prefers-color-scheme: light)");

const chosen = (): Theme | null => {
  try {
    const t = localStorage.getItem(storage);
    return t === "dark" || t === "light" ? t : null;
  } catch {
    return null; // no storage
  }
};

/** theme is the one that is shown. */
export const theme = (): Theme => chosen() ?? (system.matches ? "light" : "dark");

function show(): void {
  document.documentElement.dataset.theme = theme();
}

/** follow shows the theme, and follows the system where nobody chose. Call it before anything is drawn. */
export function follow(): void {
  show();
  system.addEventListener("change", show);
}

/** turn chooses the other theme, and remembers it. */
export function turn(): Theme {
  const to: Theme = theme() === "dark" ? "light" : "dark";
  try {
    localStorage.setItem(storage, to);
  } catch {
    // it lasts until the page is loaded again
  }
  document.documentElement.dataset.theme = to;
  return to;
}
