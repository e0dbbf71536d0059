package series

import (
	"net/url"
	"slices"
	"strings"

	"github.com/nodulescope/nodulescope/dicomio/web"
	"github.com/nodulescope/nodulescope/internal/coded"
)

// ArchiveURI is the URI of a series in a PACS, as a job carries it: the address
// of its DICOMweb service, studies/UID/series/UID.
func ArchiveURI(base, studyUID, seriesUID string) string {
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

// IsArchiveURI tells whether uri is meant to name a series in a PACS.
func IsArchiveURI(uri string) bool {
	scheme, _ := webScheme(uri)
	return scheme != ""
}

// SplitArchiveURI takes the URI of a series in a PACS apart: the address of the
// DICOMweb service, and the UIDs. Taken are http(s)://host/path/studies/UID/series/UID
// and the same with dicomweb+ before it, without credentials, query, fragment
// and escapes; all else is refused with CodeURIUnsupported.
func SplitArchiveURI(uri string) (base, studyUID, seriesUID string, err error) {
	unsupported := coded.New(CodeURIUnsupported, "read uri",
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
	u.RawPath = u.Path // nothing in it needs an escape: keep those out that are customary, such as %21 for "!"
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
