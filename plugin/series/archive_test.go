package series

import (
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/dicomio/web"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
)

func TestSplitArchiveURI(t *testing.T) {
	const uids = "/studies/1.2.3/series/1.2.3.4"
	for uri, want := range map[string]string{
		"https://pacs.example/dicom-web" + uids:            "https://pacs.example/dicom-web",
		"https://pacs.example:8443/a/b" + uids + "/":       "https://pacs.example:8443/a/b",
		"http://127.0.0.1:8042" + uids:                     "http://127.0.0.1:8042",
		"dicomweb+https://pacs.example/dicom-web" + uids:   "https://pacs.example/dicom-web",
		"HTTPS://pacs.example/dicom-web" + uids:            "https://pacs.example/dicom-web",
		"https://pacs.example/studies/1.2/series/3" + uids: "https://pacs.example/studies/1.2/series/3",
	} {
		base, study, series, err := SplitArchiveURI(uri)
		if err != nil || base != want || study != "1.2.3" || series != "1.2.3.4" {
			t.Errorf("%s: %q %q %q %v", uri, base, study, series, err)
		}
		if again := ArchiveURI(base, study, series); again != want+uids {
			t.Errorf("%s: %s", uri, again)
		}
	}
	for _, uri := range []string{
		"", "https://", "file:///a" + uids, "ftp://host" + uids, "https:/host" + uids, "https://u:p@host" + uids,
		"https://host" + uids + "?x=1", "https://host" + uids + "?", "https://host" + uids + "#f", "https://host" + uids + "#",
		"https://host/studies/1.2.3", "https://host/studies//series/1.2", "https://host/studies/1.2.3/series/1.2/instances/3",
		"https://host/studies/1.2.a/series/1.2", "https://host/studies/" + strings.Repeat("1", 65) + "/series/1.2",
		"https://host/../x" + uids, "https://host/./x" + uids, "https://host//x" + uids, "https://host/%2e%2e" + uids, `https://host\x` + uids,
		"https://host/studies/1..2/series/1.2", "https://host/studies/../series/..",
	} {
		_, _, _, err := SplitArchiveURI(uri)
		plugintest.WantCode(t, err, CodeURIUnsupported)
		if strings.Contains(err.Error(), "1.2") {
			t.Errorf("the error tells the URI: %v", err)
		}
	}
}

func TestOnlyThePACSOfTheSettingsIsAsked(t *testing.T) {
	archives, err := NewArchives(web.Options{URL: "https://pacs.example/dicom-web/"}, web.Options{URL: "http://10.0.0.1:8042/dicom-web"})
	if err != nil {
		t.Fatal(err)
	}
	const uids = "/studies/1.2.3/series/1.2.3.4"
	for uri, want := range map[string]string{
		"https://pacs.example/dicom-web" + uids:               "https://pacs.example/dicom-web",
		"https://PACS.example:443/dicom-web" + uids:           "https://pacs.example/dicom-web",
		"http://10.0.0.1:8042/dicom-web" + uids:               "http://10.0.0.1:8042/dicom-web",
		"http://pacs.example/dicom-web" + uids:                "", // the credentials would go in the clear
		"https://pacs.example:8443/dicom-web" + uids:          "",
		"https://pacs.example/dicom-web2" + uids:              "",
		"https://pacs.example" + uids:                         "",
		"https://pacs.example/dicom-web/studies/1" + uids:     "",
		"https://pacs.example.evil.test/dicom-web" + uids:     "",
		"https://169.254.169.254/dicom-web" + uids:            "",
		"http://10.0.0.1/dicom-web" + uids:                    "",
		"dicomweb+http://10.0.0.1:8042/dicom-web" + uids:      "http://10.0.0.1:8042/dicom-web",
		"https://pacs.example:443@evil.test/dicom-web" + uids: "-",
	} {
		client, _, _, err := archives.Client(uri)
		switch want {
		case "":
			plugintest.WantCode(t, err, CodeURIForbidden)
		case "-":
			plugintest.WantCode(t, err, CodeURIUnsupported)
		default:
			if err != nil || client.URL() != want {
				t.Errorf("%s: %v", uri, err)
			}
		}
	}
	var none *Archives
	_, _, _, err = none.Client("https://pacs.example/dicom-web" + uids)
	plugintest.WantCode(t, err, CodeURIForbidden)

	_, err = NewArchives(web.Options{URL: "https://a/b"}, web.Options{URL: "https://a/b/"})
	plugintest.WantCode(t, err, codeSettings)
}

func FuzzArchiveURI(f *testing.F) {
	for _, seed := range []string{
		"https://pacs.example/dicom-web/studies/1.2/series/3", "dicomweb+http://h:1/studies/1/series/2/", "https://a@b/studies/1/series/2",
		"https://pacs.example/dicom-web/../studies/1/series/2", "http://[::1]:80/studies/1/series/2",
		"http://\xcf/studies/0/series/0", "http://h/a b/studies/0/series/0", "http://h/{/studies/0/series/0", "http://h/a!b/studies/0/series/0",
	} {
		f.Add(seed)
	}
	archives, err := NewArchives(web.Options{URL: "https://pacs.example/dicom-web"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		base, study, series, err := SplitArchiveURI(uri)
		if err != nil {
			plugintest.WantCode(t, err, CodeURIUnsupported)
			return
		}
		again, s1, s2, err := SplitArchiveURI(ArchiveURI(base, study, series))
		if err != nil || again != base || s1 != study || s2 != series {
			t.Errorf("%q: %q %q %q %v", uri, again, s1, s2, err)
		}
		job := bus.Job{SeriesUID: series, URI: ArchiveURI(base, study, series), Nodules: []bus.JobNodule{}}
		if err := job.Check(); err != nil && len(job.URI) < 4096 && isASCII(uri) {
			t.Errorf("the bus refuses %q: %v", job.URI, err)
		}
		if client, _, _, err := archives.Client(uri); err == nil && !strings.EqualFold(strings.TrimSuffix(base, ":443/dicom-web"), strings.TrimSuffix(client.URL(), "/dicom-web")) &&
			!strings.EqualFold(base, client.URL()) {
			t.Errorf("%q is taken for %s", uri, client.URL())
		}
	})
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < 0x20 || r > 0x7e }) < 0
}
