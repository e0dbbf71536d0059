package web_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

var screenshots = flag.String("screenshots", "", "`FOLDER` for pictures of what the browser tests see")

// chromium is the browser, where there is one.
func chromium(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("no Chromium: install the package chromium to run the tests of the page")
	return ""
}

// shared is a headless Chromium without a graphics processor, one for all
// tests: each tab has cookies of its own.
var shared struct {
	sync.Once
	ctx  context.Context
	stop func()
	err  error
}

func startBrowser(path, dir string) {
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.UserDataDir(dir),
		chromedp.WSURLReadTimeout(patience), chromedp.WindowSize(1280, 800),
		chromedp.DisableGPU, chromedp.Flag("enable-unsafe-swiftshader", true),
	)
	ctx, stop := chromedp.NewExecAllocator(context.Background(), opts...)
	ctx, stopBrowser := chromedp.NewContext(ctx)
	shared.ctx, shared.err = ctx, chromedp.Do(ctx)
	shared.stop = func() {
		stopBrowser()
		stop()
	}
}

// newBrowser is the browser for one test, which ends after bound.
func newBrowser(t testing.TB) context.Context {
	t.Helper()
	return newBrowserFor(t, bound)
}

// newBrowserFor is the browser for a test that ends after limit.
func newBrowserFor(t testing.TB, limit time.Duration) context.Context {
	t.Helper()
	path := chromium(t)
	shared.Do(func() { startBrowser(path, filepath.Join(home, "chromium")) })
	if shared.err != nil {
		t.Fatalf("start Chromium: %v", shared.err)
	}
	ctx, stop := context.WithTimeout(shared.ctx, limit)
	t.Cleanup(stop)
	return ctx
}

// home is a folder of all tests, which is removed when they are over.
var home string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		var err error
		if home, err = os.MkdirTemp("", "nodulescope-page-"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer func() { _ = os.RemoveAll(home) }()
		code := m.Run()
		if shared.stop != nil {
			shared.stop()
		}
		return code
	}())
}

// tab is one person's browser: cookies of its own.
type tab struct {
	t    testing.TB
	ctx  context.Context
	name string

	mu       sync.Mutex
	problems []string
	expected []string // parts of problems that a test brings about
}

// newTab opens a tab that notes every error of the page, refusals of its
// content policy included.
func newTab(browser context.Context, t testing.TB, name string) *tab {
	t.Helper()
	ctx, stop := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	t.Cleanup(stop)
	b := &tab{t: t, ctx: ctx, name: name, expected: []string{
		"401",                // nobody is signed in at first
		"willReadFrequently", // advice to the viewer library
	}}
	messages := chromedp.Console(ctx)
	go func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			if m.IsException() || m.Type == chromedp.ConsoleError || m.Type == chromedp.ConsoleWarning {
				b.note(m.String())
			}
		}
	}()
	watch := `document.addEventListener("securitypolicyviolation", (e) => console.error("content policy: " + e.violatedDirective + " " + e.blockedURI + " " + e.sourceFile + ":" + e.lineNumber))`
	if _, err := chromedp.Call(ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: watch}); err != nil {
		t.Fatalf("open a tab: %v", err)
	}
	t.Cleanup(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, p := range b.problems {
			t.Errorf("%s's page: %s", name, p)
		}
	})
	return b
}

func (b *tab) note(problem string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, part := range b.expected {
		if strings.Contains(problem, part) {
			return
		}
	}
	b.problems = append(b.problems, problem)
}

// do runs actions and fails where they do not end well in time.
func (b *tab) do(what string, actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, stop := context.WithTimeout(b.ctx, patience)
	defer stop()
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.shot("failed")
		b.t.Fatalf("%s: %s: %v", b.name, what, err)
	}
}

// size sets the window in CSS pixels.
func (b *tab) size(width, height int64) {
	b.t.Helper()
	b.do("set the size", chromedp.EmulateViewport(width, height))
}

// eval is a value of the page.
func eval[T any](b *tab, script string, opts ...chromedp.EvaluateOption) T {
	b.t.Helper()
	ctx, stop := context.WithTimeout(b.ctx, patience)
	defer stop()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](script, opts...))
	if err != nil {
		b.shot("failed")
		b.t.Fatalf("%s: evaluate %s: %v", b.name, script, err)
	}
	return v
}

// evalAwait is what a promise of the page gives.
func evalAwait[T any](b *tab, script string) T {
	b.t.Helper()
	return eval[T](b, script, chromedp.EvalAwaitPromise)
}

// until waits for a condition of the page.
func (b *tab) until(what, condition string) {
	b.t.Helper()
	b.within(patience, what, condition)
}

// within waits for a condition as long as limit.
func (b *tab) within(limit time.Duration, what, condition string) {
	b.t.Helper()
	var last string
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		ctx, stop := context.WithTimeout(b.ctx, patience)
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("Boolean("+condition+")"))
		stop()
		if err == nil && ok {
			return
		}
		if b.ctx.Err() != nil || errors.Is(err, context.Canceled) {
			b.t.Fatalf("%s: the browser is gone, or its time is over, while waiting for %s", b.name, what)
		}
		last = fmt.Sprint(err)
	}
	b.shot("failed")
	b.t.Fatalf("%s: did not see %s (%s, last error %s)", b.name, what, condition, last)
}

// text waits until an element holds a text.
func (b *tab) text(selector, part string) {
	b.t.Helper()
	b.until(fmt.Sprintf("%q in %s", part, selector), fmt.Sprintf(`document.querySelector(%q)?.textContent.includes(%q)`, selector, part))
}

// press sends keys, one by one, as a keyboard does.
func (b *tab) press(keys ...string) {
	b.t.Helper()
	for _, k := range keys {
		b.do("press "+k, chromedp.KeyEvent(k))
	}
}

// click clicks on an element in the middle of what is seen of it.
func (b *tab) click(selector string) {
	b.t.Helper()
	b.do("click on "+selector, chromedp.Click(chromedp.CSS(selector)))
}

// drag presses the left button at one point of an element, moves to another,
// and lets go; in CSS pixels from its upper left corner.
func (b *tab) drag(selector string, x0, y0, x1, y1 float64) {
	b.t.Helper()
	box := eval[[]float64](b, fmt.Sprintf(`(() => { const r = document.querySelector(%q).getBoundingClientRect(); return [r.left, r.top]; })()`, selector))
	at := func(kind input.DispatchMouseEventType, x, y float64, buttons int64) chromedp.Action[chromedp.Void] {
		return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
			_, err := cdp.Call(ctx, t, input.DispatchMouseEvent, input.DispatchMouseEventParams{
				Type: kind, X: box[0] + x, Y: box[1] + y, Button: input.MouseButtonLeft, Buttons: buttons, ClickCount: 1,
			})
			return err
		})
	}
	b.do("drag on "+selector,
		at(input.DispatchMouseEventTypeMouseMoved, x0, y0, 0), at(input.DispatchMouseEventTypeMousePressed, x0, y0, 1),
		at(input.DispatchMouseEventTypeMouseMoved, (x0+x1)/2, (y0+y1)/2, 1), at(input.DispatchMouseEventTypeMouseMoved, x1, y1, 1),
		at(input.DispatchMouseEventTypeMouseReleased, x1, y1, 0))
}

// signIn signs in with the form.
func (b *tab) signIn(url, name string) {
	b.t.Helper()
	b.do("open the page", chromedp.Navigate(url+"/"))
	b.until("the login", `document.querySelector("input[name=password]")`)
	b.do("sign in",
		chromedp.SendKeys(chromedp.CSS("input[name=name]"), name),
		chromedp.SendKeys(chromedp.CSS("input[name=password]"), password+"\r"))
	b.until("the work list", `document.querySelector("main.worklist")`)
}

// opened waits until the finding is on the screen, and everything is loaded.
func (b *tab) opened() {
	b.t.Helper()
	b.until("the finding", `document.querySelector(".planes")?.dataset.firstView`)
	b.until("all slices", `document.querySelector(".planes")?.dataset.loaded === "all"`)
}

// shot keeps a picture where -screenshots names a folder.
func (b *tab) shot(name string) {
	b.t.Helper()
	if *screenshots == "" {
		return
	}
	ctx, stop := context.WithTimeout(b.ctx, patience)
	defer stop()
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Logf("no screenshot %s: %v", name, err)
		return
	}
	test := strings.ReplaceAll(b.t.Name(), "/", "-")
	if err := os.MkdirAll(*screenshots, 0o750); err != nil {
		b.t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(*screenshots, test+"-"+name+".png"), png, 0o600); err != nil {
		b.t.Error(err)
	}
}
