package series

import (
	"slices"

	"github.com/nodulescope/nodulescope/dicomio/web"
	"github.com/nodulescope/nodulescope/internal/coded"
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
			return nil, coded.New(codeSettings, op, "the settings of a PACS are invalid", err)
		}
		if slices.ContainsFunc(a.clients, func(c *web.Client) bool { return c.URL() == client.URL() }) {
			return nil, coded.New(codeSettings, op, "a PACS is given twice", nil)
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
	base, studyUID, seriesUID, err := SplitArchiveURI(uri)
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
	return nil, "", "", coded.New(CodeURIForbidden, "read uri", "the PACS is not among those that this service may contact; add its DICOMweb address to the setting pacs", nil)
}

// Store is the PACS that documents about a series go to: the one that holds
// the series, where it has a store address, else the first that has one; nil
// where none has.
func (a *Archives) Store(uri string) *web.Client {
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
