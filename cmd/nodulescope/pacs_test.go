package main

import (
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/spf13/cobra"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/dicomio/web"
	"github.com/nodulescope/nodulescope/dicomio/web/orthanctest"
	"github.com/nodulescope/nodulescope/plugin/series"
)

func TestPACSSetting(t *testing.T) {
	full := web.Options{
		URL: "https://a/dicom-web", StoreURL: "https://a/stow", User: "u", PasswordFile: "p", CAFile: "ca", CertFile: "c", KeyFile: "k", AllowPlainHTTP: true, Timeout: 90 * time.Second,
	}
	const text = "https://a/dicom-web store-url=https://a/stow user=u password-file=p ca-file=ca cert-file=c key-file=k allow-plain-http=true timeout=90s"
	for name, c := range map[string]struct {
		file, environ string
		args          []string
		want          []web.Options
	}{
		"none":        {},
		"flag":        {args: []string{"--pacs", text, "--pacs", "http://b"}, want: []web.Options{full, {URL: "http://b"}}},
		"environment": {environ: " http://b token-file=t ; " + text + ";", want: []web.Options{{URL: "http://b", TokenFile: "t"}, full}},
		"text":        {file: "pacs: http://b user=u password-file=p", want: []web.Options{{URL: "http://b", User: "u", PasswordFile: "p"}}},
		"list of sections": {
			file: "pacs: [{url: 'https://a/dicom-web', store-url: 'https://a/stow', user: u, password-file: p, ca-file: ca, cert-file: c, key-file: k, allow-plain-http: true, timeout: 90s}, http://b]",
			want: []web.Options{full, {URL: "http://b"}},
		},
		"flag before file": {file: "pacs: http://c", args: []string{"--pacs", "http://b"}, want: []web.Options{{URL: "http://b"}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parsePACS(t, c.file, c.environ, c.args...)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, got.pacs); d != "" {
				t.Error(d)
			}
		})
	}
	for _, file := range []string{
		"pacs: [{user: u}]", "pacs: [{url: http://a, password: secret}]", "pacs: http://a user", "pacs: http://a user=a user=b", "pacs: [[http://a]]x",
		"pacs: [{url: http://a, timeout: soon}]", "pacs: [{url: http://a, allow-plain-http: perhaps}]", "pacs: [{url: {a: b}}]", "pacs: {url: http://a}", "pacs:",
	} {
		_, err := parsePACS(t, file, "")
		if err == nil || exitCode(t.Context(), err) != exitUsage {
			t.Errorf("%s: %v", file, err)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error tells the password: %v", file, err)
		}
	}
}

func parsePACS(t *testing.T, file, environ string, args ...string) (p *pacsFlag, err error) {
	t.Helper()
	p = &pacsFlag{}
	cmd := &cobra.Command{Use: "x"}
	p.register(cmd.Flags())
	if err := cmd.ParseFlags(args); err != nil {
		t.Fatal(err)
	}
	path := ""
	if file != "" {
		path = writeFile(t, "settings.yaml", file)
	}
	_, err = loadSettings(cmd, path, []string{"NODULESCOPE_PACS=" + environ})
	return p, err
}

// TestScoreFromAPACS scores one series from its folder and from Orthanc, with
// the command and with the service.
func TestScoreFromAPACS(t *testing.T) {
	server := orthanctest.Start(t, orthanctest.Settings{TLS: true})
	const uid = "1.2.826.0.1.3680043.10.9.7"
	dir, model, nodules := filepath.Join(t.TempDir(), "ct"), testModel(t), writeFile(t, "nodules.json", manyNodules(2))
	if err := dicomtest.WriteSeries(dir, testSpec(uid, "")); err != nil {
		t.Fatal(err)
	}
	server.StoreSCU(dir)
	uri := series.ArchiveURI(server.DICOMweb, "1.2.826.0.1.3680043.10.9.1", uid)
	pacs := strings.Join([]string{server.DICOMweb, "user=" + server.User, "password-file=" + server.PasswordFile, "ca-file=" + server.CAFile}, " ")

	out, _ := command(t, exitOK, "score", dir, "--model", model, "--nodules", nodules, "--json")
	want := decodeResult(t, out)
	same := func(got bus.Result) {
		t.Helper()
		if d := cmp.Diff(want, got, cmpopts.IgnoreFields(bus.Result{}, "TimingsMS", "JobID")); d != "" {
			t.Errorf("result (-folder +PACS):\n%s", d)
		}
	}
	report := filepath.Join(t.TempDir(), "report.dcm")
	pictures := filepath.Join(t.TempDir(), "pictures")
	out, _ = command(t, exitOK, "score", "dicomweb+"+uri, "--model", model, "--nodules", nodules, "--json", "--pacs", pacs, "--sr", report, "--pictures", pictures)
	same(decodeResult(t, out))
	if found, err := filepath.Glob(filepath.Join(pictures, "*.png")); err != nil || len(found) != 2 || !exists(report) {
		t.Errorf("%d pictures, %v", len(found), err)
	}

	settings := writeFile(t, "settings.yaml", "pacs:\n- url: "+server.DICOMweb+"\n  user: "+server.User+"\n  password-file: "+server.PasswordFile+"\n  ca-file: "+server.CAFile+"\n")
	s := startService(t, t.TempDir(), model, "--config", settings)
	command(t, exitOK, "submit", uri, "--nodules", nodules, "--config", settings, "--nats-url", s.bus)
	same(s.results(1)[0])

	command(t, exitFailure, "score", uri, "--model", model, "--nodules", nodules) // nobody is signed in, and the certificate is strange
	other := series.ArchiveURI(server.DICOMweb, "1.2.3", "1.2.3.4")
	command(t, exitBadInput, "score", other, "--model", model, "--nodules", nodules, "--pacs", pacs)
	command(t, exitUsage, "serve", "--check-config", "--model", model, "--pacs", server.DICOMweb+" user=u")
	out, _ = command(t, exitOK, "serve", "--check-config", "--model", model, "--config", settings)
	if !strings.Contains(out, server.DICOMweb) {
		t.Errorf("the PACS is not told:\n%s", out)
	}
}

// TestPACSPage holds that docs/pacs.md names every key, and none that is not
// there, and that its example of settings can be read.
func TestPACSPage(t *testing.T) {
	page := string(repository(t)["docs/pacs.md"])
	_, table, found := strings.Cut(page, "| key | for |")
	if !found {
		t.Fatal("the table of keys is gone")
	}
	table, _, _ = strings.Cut(table, "\n\n")
	named := map[string]bool{}
	for row := range strings.Lines(table) {
		for _, m := range regexp.MustCompile("`([a-z-]+)`").FindAllStringSubmatch(strings.Split(row+"||", "|")[1], -1) {
			named[m[1]] = true
		}
	}
	if d := cmp.Diff(slices.Sorted(maps.Keys(pacsKeys)), slices.Sorted(maps.Keys(named))); d != "" {
		t.Errorf("keys (-program +page):\n%s", d)
	}
	example := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindStringSubmatch(page)
	if len(example) == 0 {
		t.Fatal("the example of settings is gone")
	}
	p, err := parsePACS(t, example[1], "")
	want := []web.Options{{URL: "https://pacs.example/dicom-web", User: "nodulescope", PasswordFile: "pacs-password", CAFile: "hospital-ca.pem"}}
	if err != nil || cmp.Diff(want, p.pacs) != "" {
		t.Errorf("%+v, %v", p, err)
	}
	for _, code := range []dicomio.Code{
		dicomio.CodeUnreachable, dicomio.CodeArchiveFailed, dicomio.CodeDenied, dicomio.CodeNotStored, dicomio.CodeRefusedThere, dicomio.CodeStoreRefused,
	} {
		if !strings.Contains(page, "`"+string(code)+"`") {
			t.Errorf("the page lacks %s", code)
		}
	}
}
