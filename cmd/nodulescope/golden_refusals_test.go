package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
)

// TestGoldenRefusals: exit code and error code of what cannot be used.
func TestGoldenRefusals(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	goldenPhantom(t, dir)
	writeBadInputs(t, dir)
	var b strings.Builder
	for line := range strings.Lines(badLines) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		out, errs, code := goldenRun(t, dir, "long enough\n", strings.Fields(line)...)
		last, reason := lastLine(errs), "-"
		if found := errorCode.FindAllStringSubmatch(last, -1); found != nil {
			reason = found[len(found)-1][1]
		}
		if code != exitOK && !strings.HasPrefix(last, "nodulescope: ") {
			t.Errorf("%s: no error line: %q", line, errs)
		}
		if out != "" && code != exitOK && !strings.HasPrefix(out, "series ") { // a table with refused nodules
			t.Errorf("%s: printed %q", line, out)
		}
		if strings.Contains(errs, "panic") || strings.Contains(errs, "goroutine ") {
			t.Errorf("%s: crashed: %s", line, errs)
		}
		fmt.Fprintf(&b, "%-3d  %-24s  %s\n", code, reason, line)
	}
	goldenText(t, "refusals.txt", b.String())
}

// errorCode is a code in parentheses.
var errorCode = regexp.MustCompile(`\(([a-z]+_[a-z_]+)\)`)

// badLines are run in a folder that writeBadInputs filled.
const badLines = `
# series
score missing --nodules nodules.json
score empty --nodules nodules.json
score text --nodules nodules.json
score mr --nodules nodules.json
score two --nodules nodules.json
score scan --series 1.2.9 --nodules nodules.json
score one-slice --nodules nodules.json
score gap --nodules nodules.json --detectors vae-ad
score double --nodules nodules.json --detectors vae-ad
score truncated --nodules nodules.json --detectors vae-ad
score no-pixels --nodules nodules.json --detectors vae-ad
score nodules.json --nodules nodules.json
score https://pacs.example/series --nodules nodules.json
score http://127.0.0.1:1/dicom-web/studies/1.2/series/1.2.3 --nodules nodules.json --pacs http://127.0.0.1:1/dicom-web
score ftp://pacs.example/series --nodules nodules.json
score file://elsewhere/scan --nodules nodules.json
# candidates
score scan --nodules missing.json
score scan --nodules scan
score scan --nodules empty.json
score scan --nodules text.json
score scan --nodules none.json
score scan --nodules twice.json
score scan --nodules far.json
score scan --nodules nan.json
score scan --nodules no-id.json
score scan --nodules negative.json
score scan --nodules string.json
score scan --nodules two-axes.json
score scan --nodules deep.json
score scan --nodules other-series.json --detectors vae-ad
score scan --nodules many.json
score scan --nodules nan.csv
score scan --nodules header.csv
score scan --nodules columns.csv
score scan --nodules other.csv
score scan --nodules broken.xml
score scan --nodules other.xml
score scan --nodules other-series.xml
score scan --nodules outside.json --detectors vae-ad
# detectors and devices
score scan --nodules nodules.json --model missing.safetensors
score scan --nodules nodules.json --model text.json
score scan --nodules nodules.json --model header.safetensors
score scan --nodules nodules.json --model plain.safetensors
score scan --nodules nodules.json --detectors nobody
score scan --nodules nodules.json --device abacus
score scan --nodules nodules.json --device cuda:7
score scan --nodules nodules.json --device cpu --precision bf16 --detectors vae-ad
score scan --nodules nodules.json --precision float8
score scan --nodules nodules.json --pictures nodules.json --detectors vae-ad
score scan --nodules nodules.json --sr nodules.json --detectors vae-ad
score scan --nodules nodules.json --sr no/such/report.dcm --detectors vae-ad
score scan
score --nodules nodules.json
# data sets
evaluate missing.npz
evaluate text.json
evaluate cut.npz
evaluate no-arrays.npz
evaluate
train missing.npz
train no-arrays.npz
train
experiment
experiment nothing
export
export models --batch 0
export models --model text.json
# bus and service
submit scan --nodules nodules.json --nats-url nats://127.0.0.1:1
submit scan --nodules none.json --nats-url nats://127.0.0.1:1
submit scan --nodules nodules.json --priority urgent
submit scan --nodules nodules.json --site WARD
submit scan --nodules nodules.json --deadline yesterday
submit scan --nodules nodules.json --nats-url http://127.0.0.1:1
submit scan --nodules nodules.json --uri ftp://127.0.0.1/x --nats-url nats://127.0.0.1:1
results --nats-url nats://127.0.0.1:1
results --since yesterday
results --site WARD
dead --nats-url nats://127.0.0.1:1
dead replay
dead replay x
outbox --data-dir empty
outbox resend
outbox resend x --data-dir empty
outbox resend 1 --all --data-dir empty
serve --check-config --data-dir empty --site WARD
serve --check-config --data-dir empty --workers -1
serve --check-config --data-dir empty --max-attempts -1
serve --check-config --data-dir empty --listen nowhere
serve --check-config --data-dir empty --review-listen 0.0.0.0:8088
serve --check-config --data-dir empty --review-cert missing.pem --review-key missing.pem
serve --check-config --data-dir empty --oidc-issuer https://id.example
serve --check-config --data-dir empty --send letter
serve --check-config --data-dir empty --model text.json
serve --check-config --data-dir empty --pacs nowhere
serve --check-config --data-dir empty --roots missing
serve --check-config --data-dir empty --grace -1s
serve --check-config --data-dir empty --nats-nkey-file missing
serve --check-config --data-dir empty --config missing.yaml
serve --check-config --data-dir empty --config unknown.yaml
serve --check-config --data-dir empty --config broken.yaml
watch-folder
watch-folder missing --nats-url nats://127.0.0.1:1 --watch-dir empty
watch-folder --list --watch-dir empty
watch-orthanc
users add
users add cleo --role root --data-dir empty
users add cleo --data-dir empty
users remove cleo --data-dir empty
users list --review-users text.json
# the rest
phantom
phantom scan
phantom new --size 5
phantom new --slices 0
phantom new --count 65
phantom new --tilt 89
devices --device abacus
bench --device abacus
bench --kernels mmx
bench --seeds 0 --accuracy
demo --count -1
demo --dir nodules.json
version --yaml
version --log-level loud
version --log-format xml
diagnose
help diagnose
`

// writeBadInputs writes what badLines name.
func writeBadInputs(t *testing.T, dir string) {
	t.Helper()
	at := func(name string) string { return filepath.Join(dir, name) }
	series := func(name, uid, modality string, change func(*dicomtest.Spec)) {
		spec := testSpec(uid, modality)
		change(&spec)
		if err := dicomtest.WriteSeries(at(name), spec); err != nil {
			t.Fatal(err)
		}
	}
	series("mr", "1.2.4", "MR", func(*dicomtest.Spec) {})
	series("two/a", "1.2.5", "", func(*dicomtest.Spec) {})
	series("two/b", "1.2.6", "", func(*dicomtest.Spec) {})
	series("one-slice", "1.2.7", "", func(s *dicomtest.Spec) { s.Slices = 1 })
	series("gap", "1.2.8", "", func(s *dicomtest.Spec) { s.Skip = []int{11, 12} })
	series("double", "1.2.10", "", func(s *dicomtest.Spec) { s.Double = []int{12} })
	series("truncated", "1.2.11", "", func(s *dicomtest.Spec) { s.Truncate = []int{12} })
	series("no-pixels", "1.2.12", "", func(s *dicomtest.Spec) { s.NoPixels = []int{12} })

	const one = `{"nodules": [{"id": "a", "position_lps_mm": [0, 0, 0], "diameter_mm": 12}]}`
	xml := `<?xml version="1.0"?><LidcReadMessage><ResponseHeader><SeriesInstanceUid>1.2.99</SeriesInstanceUid></ResponseHeader></LidcReadMessage>`
	files := map[string]string{
		"empty/.keep": "", "text/a.dcm": "no image", "empty.json": "", "text.json": "these are the nodules",
		"none.json":         `{"nodules": []}`,
		"twice.json":        `[{"id": "a", "position_lps_mm": [0, 0, 0]}, {"id": "a", "position_lps_mm": [0, 0, 1]}]`,
		"far.json":          strings.Replace(one, "[0, 0, 0]", "[0, 0, 1e300]", 1),
		"nan.json":          strings.Replace(one, "[0, 0, 0]", "[NaN, 0, 0]", 1),
		"no-id.json":        strings.Replace(one, `"id": "a", `, "", 1),
		"negative.json":     strings.Replace(one, "12", "-12", 1),
		"string.json":       strings.Replace(one, "12", `"12"`, 1),
		"two-axes.json":     strings.Replace(one, "[0, 0, 0]", "[0, 0]", 1),
		"deep.json":         strings.Repeat("[", 100_000),
		"other-series.json": strings.Replace(one, "{", `{"series_uid": "1.2.99", `, 1),
		"outside.json":      strings.Replace(one, "[0, 0, 0]", "[900, 0, 0]", 1),
		"many.json":         manyNodules(513),
		"nan.csv":           "seriesuid,coordX,coordY,coordZ,diameter_mm\n1.2.3,NaN,0,0,12\n",
		"header.csv":        "seriesuid,coordX,coordY,coordZ,diameter_mm\n",
		"columns.csv":       "a,b\n1,2\n",
		"other.csv":         "seriesuid,coordX,coordY,coordZ,diameter_mm\n1.2.99,0,0,0,12\n",
		"broken.xml":        xml[:80], "other.xml": "<html></html>", "other-series.xml": xml,
		"header.safetensors": "\xff\xff\xff\xff\xff\xff\xff\x7f{}",
		"plain.safetensors":  "\x02\x00\x00\x00\x00\x00\x00\x00{}",
		"cut.npz":            "PK\x03\x04", "no-arrays.npz": "PK\x05\x06" + strings.Repeat("\x00", 18),
		"unknown.yaml": "colour: red\n", "broken.yaml": "a: [\n",
	}
	for name, text := range files {
		err := os.MkdirAll(filepath.Dir(at(name)), 0o750)
		if err == nil {
			err = os.WriteFile(at(name), []byte(text), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
