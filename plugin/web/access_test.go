package web_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// axe runs axe-core over what is shown and lists what it finds, target sizes of
// 24 px (WCAG 2.2) included.
const axe = `axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"], rules: {"target-size": {enabled: true}}})
	.then(({violations}) => violations.map((v) => v.id + ": " + v.help + ": " + v.nodes.slice(0, 3).map((n) => n.target.join(" ") + " " + n.html.slice(0, 90)).join("; ")))`

func (b *tab) accessible(where, library string) {
	b.t.Helper()
	b.shot(where)
	eval[bool](b, library+`; true`)
	for _, bad := range evalAwait[[]string](b, axe) {
		b.t.Errorf("%s: %s", where, bad)
	}
}

// The page is usable by those who enlarge it, who have no mouse, and who hear it:
// axe finds nothing, 200 % of 1280 × 800 has no overlap and nothing cut off, and
// arrow keys move within a group of tools.
func TestAccessible(t *testing.T) {
	library, err := os.ReadFile("node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Skip("no axe-core: make plugin/web/node_modules fetches it")
	}
	browser := newBrowser(t)
	s := serve(t, quick...)
	s.submit(t, phantom(t, "--seed", "16", "--slices", "60", "--size", "128", "--count", "7"))
	ann := newTab(browser, t, "ann")
	ann.size(1280, 800)
	ann.do("open the page", chromedp.Navigate(s.url+"/"))
	ann.until("the login", `document.querySelector("input[name=password]")`)
	ann.accessible("login", string(library))
	ann.signIn(s.url, "ann")
	ann.within(scoringPatience, "a scored series", `document.querySelector("tbody tr[data-id] .state.scored")`)
	ann.accessible("worklist", string(library))
	ann.light(true)
	ann.accessible("worklist-light", string(library))
	ann.press("o")
	ann.opened()
	ann.accessible("finding-light", string(library))
	ann.press("r")
	ann.until("the kinds", `document.activeElement?.name === "kind"`)
	ann.accessible("not-a-nodule-light", string(library))
	ann.press(kb.Escape, kb.Escape)
	ann.light(false)
	ann.accessible("finding", string(library))
	ann.press("r")
	ann.until("the kinds", `document.activeElement?.name === "kind"`)
	ann.accessible("not-a-nodule", string(library))
	ann.press(kb.Escape, kb.Escape, "?")
	ann.until("the keys", `document.querySelector("dialog[open]")`)
	ann.accessible("shortcuts", string(library))
	ann.press(kb.Escape)

	// Arrow keys within the tools: the focus moves, a tool is chosen, no plane is.
	eval[bool](ann, `(document.querySelector(".toolbar [role=radio]").focus(), true)`)
	ann.press(kb.ArrowRight)
	ann.until("the next tool", `document.activeElement?.getAttribute("aria-checked") === "true" && document.activeElement.textContent === "Window"`)
	ann.press(kb.ArrowLeft, kb.ArrowLeft)
	ann.until("the last tool, by the first", `document.activeElement?.textContent === "Region"`)
	if active := eval[string](ann, `document.querySelector(".view.active").dataset.plane`); active != "axial" {
		t.Errorf("arrow keys of the tools chose the %s plane", active)
	}
	ann.press("x", "w")
	ann.until("the list", `document.querySelector("tbody tr[data-id]")`)

	ann.size(640, 400) // as 1280 × 800 at 200 %
	ann.check("200-percent-worklist", ".top .home")
	ann.noOverlap("the work list")
	ann.press("o")
	ann.opened()
	ann.check("200-percent-finding", ".top .home")
	ann.noOverlap("a finding")
	eval[bool](ann, `(document.querySelector(".decision .save").scrollIntoView(), true)`)
	ann.until("the patient in sight", `(() => { const r = document.querySelector(".identity").getBoundingClientRect(); return r.top >= -1 && r.bottom < innerHeight / 2; })()`)
	ann.shot("200-percent-decision")
	ann.press("s", kb.Enter)
	ann.until("the decision", `document.querySelector("[data-test=decision]")?.dataset.version === "1"`)
}

// noOverlap fails where two parts of the page that stand beside or below each
// other lie over each other.
func (b *tab) noOverlap(where string) {
	b.t.Helper()
	const parts = `(() => {
		const bad = [], list = [...document.querySelectorAll(".top > *, .filters > *, .findings, .toolbar .group, .side > *, .planes > .grid, tbody td, .decision form > *")]
			.map((e) => [e, e.getBoundingClientRect()]).filter(([e, r]) => r.width > 1 && r.height > 1 && !e.matches(".visually-hidden"));
		for (const [a, r] of list) for (const [b, s] of list) {
			if (a === b || a.contains(b) || b.contains(a)) continue;
			const wide = Math.min(r.right, s.right) - Math.max(r.left, s.left), high = Math.min(r.bottom, s.bottom) - Math.max(r.top, s.top);
			if (wide > 2 && high > 2 && a.compareDocumentPosition(b) & 4) bad.push(a.className + " " + a.textContent.slice(0, 20) + " lies over " + b.className + " " + b.textContent.slice(0, 20));
		}
		return bad.slice(0, 8);
	})()`
	for _, bad := range eval[[]string](b, parts) {
		b.t.Errorf("%s: %s", where, fmt.Sprintf("%q", bad))
	}
}
