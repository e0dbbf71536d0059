package web_test

import (
	"cmp"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

var (
	walkSequences = flag.Int("walk", 16, "`SEQUENCES` of the random walk over the page, at most")
	walkTime      = flag.Duration("walk-time", time.Minute, "`DURATION` of each half of the random walk, at most")
	walkSeed      = flag.Uint64("walk-seed", 0, "`SEED` of the random walk; 0: another one each time")
)

// A walker presses keys, resizes, loads the page again and cuts the network at
// random, in both ways of drawing. After every sequence the marks are on the
// nodule, what was chosen and not saved is there, and every decision is one
// version of those that the service has.
func TestRandomWalk(t *testing.T) {
	seed := cmp.Or(*walkSeed, uint64(time.Now().UnixNano())) //nolint:gosec // any number will do
	t.Logf("run it again with -args -walk %d -walk-time %s -walk-seed %d", *walkSequences, *walkTime, seed)
	ann, w := withNodules(t, "solid:16", "solid:14")
	ann.expected = append(ann.expected, "409") // a decision whose answer was lost, and another on top
	hash := eval[string](ann, `location.hash`)
	for _, way := range []string{"cpu", "gpu"} {
		ann.do("choose how to draw", chromedp.Navigate("about:blank"))
		ann.do("choose how to draw", chromedp.Navigate("http://"+w.addr+"/?render="+way+hash))
		ann.opened()
		walker := &walker{tab: ann, wire: w, random: rand.New(rand.NewPCG(seed, 0))} //nolint:gosec // repeatable
		walker.walk(*walkSequences/2, *walkTime)
	}
}

type walker struct {
	*tab
	wire   *wire
	random *rand.Rand
	known  work
	done   []string
}

// work is what a reader has done so far, by finding.
type work struct {
	Drafts   map[string]string // kept in the browser
	Versions map[string]int    // that the service has
	Bad      []string          // what contradicts itself
}

var (
	looking  = []string{"m", "m", "m", "e", "e", kb.Home, "+", "-", "f", "x", "h", "1", "2", kb.ArrowUp, kb.ArrowDown, kb.PageUp, kb.PageDown, kb.ArrowLeft, kb.ArrowRight, "k", kb.Delete}
	deciding = []string{"s", "b", "u", "r", "1", "4", kb.Enter, "s", kb.Escape, "n", "p", "n", "p", "N"}
	sizes    = [][2]int64{{1280, 800}, {1280, 800}, {1024, 768}, {1920, 1080}, {1200, 1000}, {1281, 801}}
)

// walk ends after a number of sequences or a time, whichever comes first.
func (w *walker) walk(sequences int, limit time.Duration) {
	w.t.Helper()
	w.known = w.look()
	compared, walked := 0, 0
	for end := time.Now().Add(limit); walked < sequences && time.Now().Before(end); walked++ {
		var actions []string
		for range 1 + w.random.IntN(5) {
			actions = append(actions, w.act())
		}
		w.done = append(w.done, strings.Join(actions, " "))
		after := strings.Join(w.done[max(0, len(w.done)-4):], ", then ")
		w.agrees(actions, after)
		eval[bool](w.tab, `(document.querySelector("[data-finding='1']").click(), true)`) // the other lies beside the wall, as bright as it
		w.until("the first finding", `document.querySelector("[data-finding='1'][aria-current]")`)
		w.press(kb.Delete) // a distance is as yellow as the circle
		w.press("f")       // the crosshair on the nodule: its circle is on every plane
		if walked%2 == 1 {
			w.press("e") // and large: the walk may have zoomed it out of sight
		}
		compared += w.geometry(after)
	}
	w.t.Logf("%d sequences, %d planes compared, versions %v, drafts %v", walked, compared, w.known.Versions, w.known.Drafts)
	if compared < walked/2 {
		w.t.Errorf("%d planes compared in %d sequences", compared, walked)
	}
}

// act does one thing at random and tells what.
func (w *walker) act() string {
	w.t.Helper()
	switch n := w.random.IntN(40); {
	case n == 0:
		w.outage(w.wire)
		return "outage"
	case n == 1: // and work goes on meanwhile
		w.wire.set(true)
		w.text("[data-test=link-lost]", "No connection")
		keys := []string{deciding[w.random.IntN(4)], kb.Enter}
		w.press(keys...)
		w.wire.set(false)
		w.until("the connection", `!document.querySelector("[data-test=link-lost]")`)
		return fmt.Sprintf("%q during an outage", keys)
	case n == 2:
		w.do("load again", chromedp.Reload())
		w.opened()
		return "reload"
	case n < 9:
		size := sizes[w.random.IntN(len(sizes))]
		w.size(size[0], size[1])
		return fmt.Sprintf("%dx%d", size[0], size[1])
	case n == 9:
		eval[bool](w.tab, `(document.querySelector(".comment textarea")?.focus(), true)`)
		w.do("write", chromedp.KeyEvent("note "))
		w.press(kb.Escape) // leaves the field
		return "comment"
	case n < 24:
		key := deciding[w.random.IntN(len(deciding))]
		w.press(key)
		return fmt.Sprintf("%q", key)
	}
	key := looking[w.random.IntN(len(looking))]
	w.press(key)
	return fmt.Sprintf("%q", key)
}

// lookAtWork reads drafts and versions from where they are kept, and compares the
// finding that is shown with them.
const lookAtWork = `(async () => {
	const id = location.hash.split("/")[2], bad = [], drafts = {}, versions = {};
	for (const [key, text] of Object.entries(localStorage)) {
		const m = key.match(new RegExp("^nodulescope\\.draft\\.ann/" + id + "/(\\d+)$"));
		if (m) { const d = JSON.parse(text); drafts[m[1]] = [d.verdict, d.kind, d.comment].join("|"); }
	}
	const findings = [...document.querySelectorAll("[data-finding]")].map((f) => f.dataset.finding);
	for (const n of findings) {
		const {decisions} = await (await fetch("api/v1/series/" + id + "/findings/" + n + "/decisions")).json();
		versions[n] = decisions.length;
		decisions.forEach((d, i) => { if (d.version !== i + 1) bad.push("finding " + n + " has version " + d.version + " in place " + i); });
	}
	const at = document.querySelector(".findings [aria-current]")?.dataset.finding;
	if (!at) bad.push("no finding is shown");
	if (location.hash.split("/")[3] !== at) bad.push("finding " + at + " is shown at " + location.hash);
	const version = Number(document.querySelector("[data-test=decision]")?.dataset.version);
	if (version !== versions[at]) bad.push("finding " + at + " shows version " + version + " of " + versions[at]);
	const pressed = document.querySelector(".verdicts [aria-pressed=true]")?.classList[0] ?? "", comment = document.querySelector(".comment textarea")?.value ?? "";
	const shown = pressed || comment.trim() ? [pressed, document.querySelector("input[name=kind]:checked")?.value ?? "", comment].join("|") : undefined;
	if (shown !== drafts[at]) bad.push("finding " + at + " shows " + shown + ", kept is " + drafts[at]);
	const marked = [...document.querySelectorAll("li:has(.badge.draft) [data-finding]")].map((f) => f.dataset.finding).sort().join();
	if (marked !== Object.keys(drafts).sort().join()) bad.push("marked as not saved: " + marked + ", kept: " + Object.keys(drafts));
	if (document.querySelector("[data-test=astray]")) bad.push("the page says that picture and marks do not agree");
	return {Drafts: drafts, Versions: versions, Bad: bad};
})()`

func (w *walker) look() work {
	w.t.Helper()
	return evalAwait[work](w.tab, lookAtWork)
}

// agrees fails where work was lost or made by nobody.
func (w *walker) agrees(actions []string, after string) {
	w.t.Helper()
	var now work
	var bad []string
	for range 20 {
		if eval[bool](w.tab, `Boolean(document.querySelector("dialog[open]"))`) {
			w.press(kb.Escape) // decided twice: the choice stays
			actions = append(actions, "conflict")
		}
		eval[bool](w.tab, `(document.activeElement?.blur(), true)`)
		evalAwait[bool](w.tab, settled)
		now = w.look()
		if bad = append(now.Bad, w.lost(now, actions)...); len(bad) == 0 {
			w.known = now
			return
		}
	}
	w.shot("lost")
	w.t.Fatalf("after %s: %s", after, strings.Join(bad, "; "))
}

// lost compares with what was there before some actions.
func (w *walker) lost(now work, actions []string) (bad []string) {
	did := func(part string) bool {
		return slices.ContainsFunc(actions, func(a string) bool { return strings.Contains(a, part) })
	}
	entered, escaped := did(fmt.Sprintf("%q", kb.Enter)), did(fmt.Sprintf("%q", kb.Escape))
	for n, v := range now.Versions {
		if before := w.known.Versions[n]; v < before || v > before && !entered {
			bad = append(bad, fmt.Sprintf("finding %s had %d versions and has %d", n, before, v))
		}
	}
	for n, d := range w.known.Drafts {
		if _, kept := now.Drafts[n]; !kept && !entered && !escaped {
			bad = append(bad, fmt.Sprintf("finding %s has lost %q", n, d))
		}
	}
	return bad
}
