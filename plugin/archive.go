package plugin

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/web"
)

// Archives are the PACS from which series are read, by DICOMweb. The zero
// value and nil hold none.
type Archives struct{ clients []*web.Client }

// NewArchives makes a client for every PACS. It opens no connection. Its
// errors have code settings_invalid.
func NewArchives(pacs ...web.Options) (*Archives, error) {
	const op = "connect PACS"
	a := &Archives{}
	for _, opts := range pacs {
		client, err := web.New(opts)
		if err != nil {
			return nil, refuse(CodeSettings, op, "the settings of a PACS cannot be used", err)
		}
		if slices.ContainsFunc(a.clients, func(c *web.Client) bool { return c.URL() == client.URL() }) {
			return nil, refuse(CodeSettings, op, "a PACS is given twice", nil)
		}
		a.clients = append(a.clients, client)
	}
	return a, nil
}

// URLs are the addresses of the PACS.
func (a *Archives) URLs() []string {
	if a == nil {
		return nil
	}
	urls := make([]string, len(a.clients))
	for i, c := range a.clients {
		urls[i] = c.URL()
	}
	return urls
}

// Client is the one for the PACS that the URI of a series names. The URI is
// refused with CodeURIUnsupported where it is none of a series, and with
// CodeURIForbidden where its PACS is not among them: scheme, host, port and
// path must be those of a setting, so that a job cannot have the service ask
// just any address.
func (a *Archives) Client(uri string) (client *web.Client, studyUID, seriesUID string, err error) {
	base, studyUID, seriesUID, err := SplitSeriesURI(uri)
	if err != nil {
		return nil, "", "", err
	}
	if a != nil {
		for _, c := range a.clients {
			if sameBase(c.URL(), base) {
				return c, studyUID, seriesUID, nil
			}
		}
	}
	return nil, "", "", refuse(CodeURIForbidden, "read uri", "the PACS is not among those that this service may ask; add its DICOMweb address to the setting pacs", nil)
}

// store is the PACS that documents about a series go to: the one that holds
// the series, where it has a store address, else the first that has one; nil
// where none has.
func (a *Archives) store(uri string) *web.Client {
	if a == nil {
		return nil
	}
	if c, _, _, err := a.Client(uri); err == nil && c.Stores() {
		return c
	}
	for _, c := range a.clients {
		if c.Stores() {
			return c
		}
	}
	return nil
}

// SeriesURI is the URI of a series in a PACS, as a job carries it: the address
// of its DICOMweb service, studies/UID/series/UID.
func SeriesURI(base, studyUID, seriesUID string) string {
	return strings.TrimRight(base, "/") + "/studies/" + studyUID + "/series/" + seriesUID
}

// webScheme is the scheme of a URI over HTTP, with dicomweb+ before it taken
// off; "" where it is another.
func webScheme(uri string) (scheme, rest string) {
	scheme, rest, found := strings.Cut(uri, "://")
	scheme = strings.TrimPrefix(strings.ToLower(scheme), "dicomweb+")
	if !found || scheme != "http" && scheme != "https" {
		return "", ""
	}
	return scheme, rest
}

// IsSeriesURI tells whether uri is meant to name a series in a PACS.
func IsSeriesURI(uri string) bool {
	scheme, _ := webScheme(uri)
	return scheme != ""
}

// SplitSeriesURI takes the URI of a series in a PACS apart: the address of the
// DICOMweb service, and the UIDs. Taken are http(s)://host/path/studies/UID/series/UID
// and the same with dicomweb+ before it, without credentials, query, fragment
// and escapes; all else is refused with CodeURIUnsupported.
func SplitSeriesURI(uri string) (base, studyUID, seriesUID string, err error) {
	unsupported := refuse(CodeURIUnsupported, "read uri",
		"a series in a PACS is named as https://host/path/studies/UID/series/UID, without credentials", nil)
	scheme, rest := webScheme(uri)
	if scheme == "" {
		return "", "", "", unsupported
	}
	u, err := url.Parse(scheme + "://" + rest)
	if err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || strings.Contains(uri, "#") ||
		strings.Contains(rest, "%") || u.String() != scheme+"://"+rest { // what would need an escape
		return "", "", "", unsupported
	}
	parts := strings.Split(strings.TrimSuffix(u.Path, "/"), "/")
	n := len(parts)
	if n < 5 || parts[n-4] != "studies" || parts[n-2] != "series" || !web.ValidUID(parts[n-3]) || !web.ValidUID(parts[n-1]) ||
		slices.ContainsFunc(parts[1:], func(p string) bool { return p == "" || p == "." || p == ".." }) {
		return "", "", "", unsupported
	}
	u.Path = strings.Join(parts[:n-4], "/")
	return u.String(), parts[n-3], parts[n-1], nil
}

// sameBase compares addresses: the case of the host and a port that goes
// without saying do not count.
func sameBase(a, b string) bool {
	x, errX := url.Parse(a)
	y, errY := url.Parse(b)
	return errX == nil && errY == nil && x.Scheme == y.Scheme && strings.EqualFold(x.Hostname(), y.Hostname()) &&
		port(x) == port(y) && x.Path == y.Path
}

func port(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "https":
		return "443"
	}
	return "80"
}

// OpenSeries reads the headers of the series that a URI names, in a folder
// (file://) or in a PACS. With an empty seriesUID a folder must hold exactly one
// CT series. Codes: those of [FolderOf], [Archives.Client] and of dicomio, and
// series_mismatch where the URI names another series.
func OpenSeries(ctx context.Context, uri, seriesUID string, roots []string, archives *Archives) (*dicomio.Series, error) {
	const op = "open series"
	if !IsSeriesURI(uri) {
		dir, err := FolderOf(uri, roots)
		if err != nil {
			return nil, err
		}
		return wrapOpen(dicomio.OpenSeries(ctx, dir, seriesUID, dicomio.Options{}))
	}
	client, study, series, err := archives.Client(uri)
	if err != nil {
		return nil, err
	}
	if seriesUID != "" && seriesUID != series {
		return nil, refuse(CodeSeriesMismatch, op, "the uri names another series than series_uid says", nil)
	}
	s, err := client.Open(ctx, study, series, dicomio.Options{})
	if err == nil && s.StudyUID != study {
		return nil, refuse(CodeStudyMismatch, op, "the series is of another study than the uri says", nil)
	}
	return wrapOpen(s, err)
}

func wrapOpen(s *dicomio.Series, err error) (*dicomio.Series, error) {
	if err != nil {
		return nil, fmt.Errorf("open series: %w", err)
	}
	return s, nil
}
