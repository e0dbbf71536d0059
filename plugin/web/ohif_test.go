package web_test

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/web/orthanctest"
)

// Our report opens in a viewer of others: OHIF, as its makers build it, finds
// series and report in an Orthanc, shows the nodules that the report names,
// takes them over as findings of its own, and jumps to each.
func TestReportOpensInOHIF(t *testing.T) {
	site := os.Getenv("NODULESCOPE_OHIF")
	if site == "" {
		t.Skip("NODULESCOPE_OHIF names no folder with a built OHIF: run make test-ohif")
	}
	pacs := orthanctest.Start(t, orthanctest.Settings{Extra: map[string]any{"AuthenticationEnabled": false}})
	dir, report := phantom(t, "--slices", "60", "--size", "256", "--count", "3", "--seed", "9"), t.TempDir()
	run(t, "", "score", dir, "--nodules", filepath.Join(dir, "truth.json"), "--sr", filepath.Join(report, "report.dcm"), "--detectors", "vae-ad")
	pacs.StoreSCU(dir)
	pacs.StoreSCU(report)

	b := newTab(newBrowser(t), t, "ohif")
	b.expected = append(b.expected, "") // what its console says is not ours to judge
	b.size(1280, 800)
	b.do("open the study", chromedp.Navigate(serveOHIF(t, site, pacs.DICOMweb)+"/viewer?StudyInstanceUIDs="+url.QueryEscape(studyOf(t, pacs))))
	slice := `document.querySelector("[data-cy=viewport-overlay-bottom-right]")?.textContent.match(/\((\d+)\/60\)/)?.[1]`
	b.until("a slice", slice)
	b.until("the end of its tour", `(() => {
		const skip = [...document.querySelectorAll("button, a")].find((e) => e.textContent === "Skip all");
		skip?.click();
		return !skip && document.querySelector("[data-cy=study-browser-thumbnail-no-image]");
	})()`)
	b.do("open the report", chromedp.DoubleClick(chromedp.CSS("[data-cy=study-browser-thumbnail-no-image]")))
	b.until("the question whether to take them over", `document.querySelector("[data-cy=yes-hydrate-btn]")`)
	b.until("the values beside the nodule", `/Deviation from reference nodules: [\d.]+ %/.test(document.body.textContent)`)
	b.shot("report")
	b.click("[data-cy=yes-hydrate-btn]")
	b.until("its own findings", `document.querySelector("[data-cy=viewport-overlay-bottom-right]") && !document.querySelector("[data-cy=yes-hydrate-btn]")`)
	b.click("[data-cy=trackedMeasurements-btn]")
	b.until("three rows", `document.querySelectorAll("[data-cy=trackedMeasurements-panel] [data-cy=data-row]").length === 3`)

	for i, at := range places(t, dir) {
		row := fmt.Sprintf(`document.querySelectorAll("[data-cy=trackedMeasurements-panel] [data-cy=data-row]")[%d]`, i)
		if text := eval[string](b, row+".textContent"); !strings.Contains(text, fmt.Sprintf("Nodule phantom-%d: deviation", i+1)) || !strings.Contains(text, "%") {
			t.Errorf("row %d of OHIF's findings says %q", i+1, text)
		}
		eval[bool](b, `(() => { const r = `+row+`; (r.querySelector("[data-cy=data-row-title]") ?? r.firstElementChild ?? r).click(); return true; })()`)
		b.until(fmt.Sprintf("nodule %d on slice %d", i+1, at.Frame), fmt.Sprintf(`%s === "%d"`, slice, at.Frame))
		// The tool writes which voxel it is on: column, row, slice, from zero.
		mark := `[...document.querySelectorAll("svg text")].map((t) => t.textContent.match(/\((\d+), (\d+), (\d+)\)/)).filter(Boolean).map((m) => m.slice(1).map(Number))`
		b.until("its mark", mark+`.length > 0`)
		near := false
		for _, voxel := range eval[[][3]float64](b, mark) {
			near = near || math.Hypot(voxel[0]+0.5-at.Column, voxel[1]+0.5-at.Row) < 1.5 && int(voxel[2])+1 == at.Frame
		}
		if !near {
			t.Errorf("nodule %d is at column %.1f, row %.1f of slice %d, and OHIF's mark at %v", i+1, at.Column, at.Row, at.Frame, eval[[][3]float64](b, mark))
		}
		evalAwait[bool](b, `new Promise((done) => setTimeout(() => done(true), 500))`) // its list follows the picture
		b.shot(fmt.Sprintf("nodule-%d", i+1))
	}
}

// places are those of a phantom's nodules on its slices; Frame is the number of
// the slice, from the head, which is 1.
func places(t *testing.T, dir string) []dicomio.ImagePoint {
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
		} `json:"nodules"`
	}
	if err := json.Unmarshal(text, &truth); err != nil {
		t.Fatal(err)
	}
	var list []dicomio.ImagePoint
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
		list = append(list, at)
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
