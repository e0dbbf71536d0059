package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/web/orthanctest"
)

// TestReportOpensInOHIF: what the service sends to a PACS opens in a viewer of others.
// OHIF, as its makers build it, finds series, outlines, report and pictures of
// nodules in an Orthanc, lays the outlines over the nodules, shows what the report
// says beside them, takes them over as findings of its own, and jumps to each.
func TestReportOpensInOHIF(t *testing.T) {
	site := os.Getenv("NODULESCOPE_OHIF")
	if site == "" {
		t.Skip("NODULESCOPE_OHIF names no folder with a built OHIF: run make test-ohif")
	}
	pacs := orthanctest.Start(t, orthanctest.Settings{Extra: map[string]any{"AuthenticationEnabled": false}})
	dir := phantom(t, "--slices", "60", "--size", "256", "--count", "3", "--seed", "9")
	pacs.StoreSCU(dir)
	s := serve(t, "--detectors", "vae-ad", "--pacs", pacs.DICOMweb+" store-url="+pacs.DICOMweb, "--send", "report,outline,capture")
	s.submit(t, dir)
	for end := time.Now().Add(scoringPatience); pacs.Count() < 60+1+1+3; time.Sleep(200 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d instances in Orthanc, want 60 slices, a report, outlines and three pictures", pacs.Count())
		}
	}
	list := nodules(t, dir)

	b := newTab(newBrowser(t), t, "ohif")
	b.expected = append(b.expected, "") // what its console says is not ours to judge
	b.size(1280, 800)
	b.do("open the study", chromedp.Navigate(serveOHIF(t, site, pacs.DICOMweb)+"/viewer?StudyInstanceUIDs="+url.QueryEscape(studyOf(t, pacs))))
	b.until("a slice", sliceShown)
	b.until("the end of its tour", `(() => {
		const skip = [...document.querySelectorAll("button, a")].find((e) => e.textContent === "Skip all");
		skip?.click();
		return !skip && document.querySelector("[data-cy=study-browser-thumbnail-no-image]");
	})()`)
	b.openSeries("Nodule outlines")
	b.until("the question whether to open them", takeOver)
	b.click("[data-cy=yes-hydrate-btn]")
	b.until("the series below them", "("+sliceShown+") && !"+takeOver)
	b.click("[data-cy=panelSegmentation-btn]")
	for i, n := range list {
		b.choose(i, fmt.Sprintf("Nodule phantom-%d", i+1))
		b.until(fmt.Sprintf("outline %d at slice %d", i+1, n.at.Frame), fmt.Sprintf("Math.abs(%s - %d) <= 2", sliceShown, n.at.Frame))
		b.outlined(i+1, n)
	}
	b.shot("outlines")

	b.openSeries("Nodule scores, not")
	b.until("the question whether to take them over", takeOver)
	b.until("the values beside the nodule", `/Deviation from reference nodules: [\d.]+ %/.test(document.body.textContent)`)
	b.hasImage("the report")
	b.shot("report")
	b.click("[data-cy=yes-hydrate-btn]")
	b.until("its own findings", "("+sliceShown+") && !"+takeOver)
	b.click("[data-cy=trackedMeasurements-btn]")
	b.until("three rows", `document.querySelectorAll("[data-cy=trackedMeasurements-panel] [data-cy=data-row]").length === 3`)
	for i, n := range list {
		text := b.choose(i, "deviation")
		if !regexp.MustCompile(fmt.Sprintf(`Nodule phantom-%d: deviation \d+ %%.*, volume [\d.]+ mm3, long axis [\d.]+ mm, short axis [\d.]+ mm; not for diagnosis`, i+1)).MatchString(text) {
			t.Errorf("row %d of OHIF's findings says %q", i+1, text)
		}
		b.until(fmt.Sprintf("nodule %d on slice %d", i+1, n.at.Frame), fmt.Sprintf(`%s === "%d"`, sliceShown, n.at.Frame))
		// The tool writes which voxel it is on: column, row, slice, from zero.
		mark := `[...document.querySelectorAll("svg text")].map((t) => t.textContent.match(/\((\d+), (\d+), (\d+)\)/)).filter(Boolean).map((m) => m.slice(1).map(Number))`
		b.until("its mark", mark+`.length > 0`)
		near := false
		for _, voxel := range eval[[][3]float64](b, mark) {
			near = near || math.Hypot(voxel[0]+0.5-n.at.Column, voxel[1]+0.5-n.at.Row) < 1.5 && int(voxel[2])+1 == n.at.Frame
		}
		if !near {
			t.Errorf("nodule %d is at column %.1f, row %.1f of slice %d, and OHIF's mark at %v", i+1, n.at.Column, n.at.Row, n.at.Frame, eval[[][3]float64](b, mark))
		}
		b.pointAt(i)
		b.until("the whole text of a row", `document.querySelector("[role=tooltip]")?.textContent.includes("volume")`)
		evalAwait[bool](b, `new Promise((done) => setTimeout(() => done(true), 500))`) // its list follows the picture
		b.shot(fmt.Sprintf("nodule-%d", i+1))
	}

	b.openSeries("Nodule scores, pictures")
	b.until("the first of three pictures", `document.querySelector("[data-cy=viewport-overlay-bottom-right]")?.textContent.includes("(1/3)")`)
	b.hasImage("a picture of a nodule")
	b.shot("picture")
}

// What OHIF shows: the number of the slice, and its question.
const (
	sliceShown = `document.querySelector("[data-cy=viewport-overlay-bottom-right]")?.textContent.match(/\((\d+)\/60\)/)?.[1]`
	takeOver   = `document.querySelector("[data-cy=yes-hydrate-btn]")`
)

// openSeries opens the series of a description, as a double click on it does.
func (b *tab) openSeries(description string) {
	b.t.Helper()
	b.do("open "+description, chromedp.DoubleClick(chromedp.Search(fmt.Sprintf(`//*[starts-with(@data-cy, "study-browser-thumbnail") and contains(., %q)]`, description))))
}

// choose clicks on a row of the list that OHIF shows, and returns what it says.
func (b *tab) choose(i int, part string) string {
	b.t.Helper()
	row := fmt.Sprintf(`document.querySelectorAll("[data-cy=data-row]")[%d]`, i)
	b.until(part, fmt.Sprintf(`%s?.textContent.includes(%q)`, row, part))
	return eval[string](b, `(() => { const r = `+row+`; (r.querySelector("[data-cy=data-row-title]") ?? r.firstElementChild ?? r).click(); return r.textContent; })()`)
}

// pointAt has the mouse over a row, of which OHIF cuts long texts.
func (b *tab) pointAt(i int) {
	b.t.Helper()
	at := eval[[2]float64](b, fmt.Sprintf(`(() => { const r = document.querySelectorAll("[data-cy=data-row]")[%d].getBoundingClientRect(); return [r.left + r.width / 3, r.top + r.height / 2]; })()`, i))
	for _, x := range []float64{at[0] - 5, at[0]} {
		b.do("point at a row", chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
			_, err := cdp.Call(ctx, t, input.DispatchMouseEvent, input.DispatchMouseEventParams{Type: input.DispatchMouseEventTypeMouseMoved, X: x, Y: at[1]})
			return err
		}))
	}
}

// seen is what a person sees.
func (b *tab) seen() image.Image {
	b.t.Helper()
	shot, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		b.t.Fatal(err)
	}
	return img
}

// hasImage waits until OHIF's viewport has pixels of many grey levels.
func (b *tab) hasImage(what string) {
	b.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(200 * time.Millisecond) {
		box := eval[[4]float64](b, `(() => { const r = document.querySelector("[data-cy=viewport-pane] canvas")?.getBoundingClientRect(); return r ? [r.left, r.top, r.right, r.bottom] : [0, 0, 0, 0]; })()`)
		img, levels := b.seen(), map[uint8]int{}
		for y := int(box[1] + (box[3]-box[1])/4); y < int(box[3]); y++ {
			for x := int(box[0] + (box[2]-box[0])/4); x < int(box[2]); x++ {
				levels[color.GrayModel.Convert(img.At(x, y)).(color.Gray).Y]++
			}
		}
		if len(levels) > 64 {
			return
		}
		if time.Now().After(end) {
			b.shot("failed")
			b.t.Fatalf("%s: the viewport is blank: %d grey levels", what, len(levels))
		}
	}
}

// outlined wants colour where a nodule is, and none around it.
func (b *tab) outlined(number int, n knownNodule) {
	b.t.Helper()
	p := n.position
	var within, around float64
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		at := eval[[3]float64](b, fmt.Sprintf(`(() => {
			const v = window.cornerstone.getRenderingEngines()[0].getViewports()[0], r = v.canvas.getBoundingClientRect();
			const [x, y] = v.worldToCanvas([%[1]g, %[2]g, %[3]g]), [to] = v.worldToCanvas([%[1]g + 10, %[2]g, %[3]g]);
			return [r.left + x, r.top + y, Math.abs(to - x) / 10];
		})()`, p[0], p[1], p[2]))
		img, mm := b.seen(), at[2]
		within = coloured(img, at[0], at[1], 0, 2*mm) // an outline of a part-solid one is that of its middle
		around = coloured(img, at[0], at[1], n.diameter*mm, 1.5*n.diameter*mm)
		if within > 0.9 && around < 0.02 {
			return
		}
	}
	b.shot("failed")
	b.t.Errorf("nodule %d: %.0f %% of its pixels and %.0f %% of those around it are coloured", number, 100*within, 100*around)
}

// coloured is the share of pixels in a ring that are not grey.
func coloured(img image.Image, x, y, inner, outer float64) float64 {
	var all, some float64
	for v := int(y - outer); v <= int(y+outer)+1; v++ {
		for u := int(x - outer); u <= int(x+outer)+1; u++ {
			if d := math.Hypot(float64(u)+0.5-x, float64(v)+0.5-y); d < inner || d > outer {
				continue
			}
			c := color.NRGBAModel.Convert(img.At(u, v)).(color.NRGBA)
			all++
			if max(c.R, c.G, c.B)-min(c.R, c.G, c.B) > 30 {
				some++
			}
		}
	}
	return some / max(all, 1)
}

// knownNodule is one that a phantom holds; at.Frame is the number of its slice,
// from the head, which is 1.
type knownNodule struct {
	position dicomio.Vec
	diameter float64 // mm
	at       dicomio.ImagePoint
}

// nodules are those of a phantom.
func nodules(t *testing.T, dir string) []knownNodule {
	t.Helper()
	series, err := dicomio.Open(t.Context(), dir, dicomio.Options{})
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "truth.json")) //nolint:gosec // just written
	if err != nil {
		t.Fatal(err)
	}
	var truth struct {
		Nodules []struct {
			Position dicomio.Vec `json:"position_lps_mm"`
			Diameter float64     `json:"diameter_mm"`
		} `json:"nodules"`
	}
	if err := json.Unmarshal(text, &truth); err != nil {
		t.Fatal(err)
	}
	var list []knownNodule
	for _, n := range truth.Nodules {
		at, ok := series[0].OnImage(n.Position)
		if !ok {
			t.Fatalf("a nodule at %v is on no slice", n.Position)
		}
		for i, s := range series[0].Slices {
			if s.SOPInstanceUID == at.SOPInstanceUID {
				at.Frame = len(series[0].Slices) - i
			}
		}
		list = append(list, knownNodule{n.Position, n.Diameter, at})
	}
	return list
}

// studyOf is the study that the server holds.
func studyOf(t *testing.T, pacs *orthanctest.Server) string {
	t.Helper()
	var ids []string
	pacs.Get("/studies", &ids)
	if len(ids) != 1 {
		t.Fatalf("%d studies in Orthanc", len(ids))
	}
	var study struct {
		MainDicomTags map[string]string //nolint:tagliatelle // Orthanc's name
	}
	pacs.Get("/studies/"+ids[0], &study)
	return study.MainDicomTags["StudyInstanceUID"]
}

const ohifSettings = `window.config = {
	routerBasename: "/", extensions: [], modes: [], customizationService: {}, showStudyList: true,
	maxNumberOfWebWorkers: 2, showLoadingIndicator: true, strictZSpacingForVolumeViewport: true, showWarningMessageForCrossOrigin: false,
	defaultDataSourceName: "dicomweb",
	investigationalUseDialog: {option: "never"},
	dataSources: [{
		namespace: "@ohif/extension-default.dataSourcesModule.dicomweb", sourceName: "dicomweb",
		configuration: {
			friendlyName: "Orthanc of a test", name: "orthanc", wadoUriRoot: "/dicom-web", qidoRoot: "/dicom-web", wadoRoot: "/dicom-web",
			qidoSupportsIncludeField: false, imageRendering: "wadors", thumbnailRendering: "wadors", enableStudyLazyLoad: true,
			supportsFuzzyMatching: false, supportsWildcard: true, singlepart: "bulkdata,pdf,video", omitQuotationForMultipartRequest: true,
			bulkDataURI: {enabled: true},
		},
	}],
};`

// serveOHIF serves the built viewer, and the PACS beside it.
func serveOHIF(t *testing.T, site, dicomweb string) string {
	t.Helper()
	to, err := url.Parse(dicomweb)
	if err != nil {
		t.Fatal(err)
	}
	pacs := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: to.Scheme, Host: to.Host})
		r.Out.Host = r.In.Host // in the addresses that it answers
	}}
	files := http.FileServer(http.Dir(site))
	mux := http.NewServeMux()
	mux.Handle("/dicom-web/", pacs)
	mux.HandleFunc("/app-config.js", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		fmt.Fprint(w, ohifSettings)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if _, err := os.Stat(filepath.Join(site, filepath.FromSlash(r.URL.Path))); err != nil || strings.HasSuffix(r.URL.Path, "/") {
			http.ServeFile(w, r, filepath.Join(site, "index.html")) // a place within the viewer
			return
		}
		files.ServeHTTP(w, r)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}
