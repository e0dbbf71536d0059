package web_test

import (
	"context"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// What was chosen and written but not saved is still there after everything
// that takes the finding off the screen; Enter saves it from anywhere; the same
// decision again makes no version; and keys in a burst are all taken in order.
func TestDraftsAndBursts(t *testing.T) {
	browser := newBrowser(t)
	s := serve(t, append([]string{"--outline", "off"}, quick...)...)
	s.submit(t, phantom(t, "--seed", "13", "--slices", "60", "--size", "128", "--count", "4"))
	ann := annSees(browser, t, s)
	ann.press("o")
	ann.opened()

	ann.press("r", "3", "c")
	ann.until("the field", `document.activeElement?.tagName === "TEXTAREA"`)
	ann.do("write a comment", chromedp.KeyEvent("near the hilum"))
	kept := func(after string) {
		t.Helper()
		ann.until("the draft after "+after, `document.querySelector(".verdicts .not_nodule")?.getAttribute("aria-pressed") === "true" &&
			document.querySelector("input[name=kind][value=lymph_node]")?.checked && document.querySelector(".comment textarea")?.value.endsWith("near the hilum")`) // the browser may also type the key that came to the field
	}
	kept("writing it")
	ann.do("load again", chromedp.Reload())
	ann.opened()
	kept("loading again")
	ann.press("n")
	ann.until("another finding", `!document.querySelector(".kinds") && document.querySelector(".badge.draft")`)
	ann.shot("list")
	ann.press("p")
	kept("another finding")
	ann.press("w")
	ann.until("the work list", `document.querySelector("tbody tr[data-id]")`)
	eval[bool](ann, `(history.back(), true)`)
	ann.opened()
	kept("work list and Back")
	ann.do("end the session", chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, network.ClearBrowserCookies, cdp.Empty{})
		return err
	}))
	ann.press("n")
	ann.do("load again", chromedp.Reload())
	ann.until("the login", `document.querySelector("input[name=password]")`)
	ann.do("sign in", chromedp.SendKeys(chromedp.CSS("input[name=name]"), "ann"), chromedp.SendKeys(chromedp.CSS("input[name=password]"), password+"\r"))
	ann.opened()
	ann.press("p")
	kept("signing in again")

	eval[bool](ann, `(document.querySelector(".toolbar button[title^=heat]").focus(), true)`)
	ann.press(kb.Enter)
	ann.until("the decision", `document.querySelector("[data-test=decision]")?.dataset.version === "1"`)
	ann.text("[data-test=decision]", "near the hilum")
	ann.until("no draft", `!document.querySelector(".badge.draft") && document.querySelector(".comment textarea").value === ""`)
	for range 2 {
		ann.press(kb.Escape, "u")
		ann.until("the verdict", `document.querySelector(".verdicts .unsure")?.getAttribute("aria-pressed") === "true"`)
		eval[bool](ann, `(document.querySelector(".comment textarea").focus(), true)`)
		ann.until("the field", `document.activeElement?.tagName === "TEXTAREA"`)
		ann.do("write a comment", chromedp.KeyEvent("small"))
		ann.press(kb.Enter)
		ann.until("the second version", `document.querySelector("[data-test=decision]")?.dataset.version === "2" && document.querySelector(".comment textarea").value === ""`)
	}
	ann.text("[data-test=saved]", "Already saved as version 2")

	// At once, as from a keyboard whose events the page did not get to.
	ann.press(kb.Escape)
	eval[bool](ann, `(() => {
		for (const [key, shiftKey] of [["N", true], ["s", false], ["c", false], ..."no doubt".split("").map((k) => [k, false]), ["Enter", false], ["Escape", false], ["N", true], ["r", false], ["2", false], ["Enter", true], ["u", false], ["Enter", false]])
			window.dispatchEvent(new KeyboardEvent("keydown", {key, shiftKey, bubbles: true, cancelable: true}));
		return true;
	})()`)
	ann.until("all decided", `document.querySelector(".findings h2").textContent.includes("all decided")`)
	if got := eval[string](ann, `[...document.querySelectorAll(".findings .verdict")].map((c) => c.textContent).join()`); got != "unsure,suspicious,not a nodule,unsure" {
		t.Errorf("decided in order: %s", got)
	}
	ann.press("p", "p")
	ann.text("[data-test=decision]", "no doubt")
	ann.shot("decided")
}
