package review

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"

	"github.com/nodulescope/nodulescope/plugin/review/internal/answer"
	"github.com/nodulescope/nodulescope/plugin/review/internal/signin"
	"github.com/nodulescope/nodulescope/plugin/review/store"
)

// Limits of a search. Patients are in no index: they are read from the images,
// and kept in memory for a while.
const (
	maxSearchChars = 200
	maxSearched    = 5000 // rows
	searchTime     = 8 * time.Second
	searchFresh    = 10 * time.Minute
)

var errUnread = errors.New("review: the patient cannot be read")

// postSearch is getWorklist for patients whose name, id or accession number has
// every word of a text. The text may name a patient, so it is in the body, which
// nobody logs, and not in the address.
func (s *Server) postSearch(w http.ResponseWriter, r *http.Request, who *signin.Session) error {
	q, err := parseQuery(r.URL.Query())
	if err != nil {
		return err
	}
	var in struct {
		Text string `json:"text"`
	}
	if err := answer.Read(r, &in); err != nil {
		return err
	}
	if !utf8.ValidString(in.Text) || utf8.RuneCountInString(in.Text) > maxSearchChars {
		return answer.Invalid("text is UTF-8 of at most 200 characters")
	}
	return s.list(w, r, who, q, in.Text)
}

// search is the page of a query with the rows that a text is found in, and how
// many more it could not look at: their patient is not known, or was not read in
// time.
func (s *Server) search(ctx context.Context, q store.Query, user string, waiting []*store.Row, text string) (store.List, int) {
	all := q
	all.Limit, all.Offset = maxSearched, 0
	found := s.cfg.Store.Find(all, user, waiting)
	unknown := found.Total - len(found.Rows)
	ctx, cancel := context.WithTimeout(ctx, searchTime)
	defer cancel()
	patients := make([]*patient, len(found.Rows))
	var group sync.WaitGroup
	slots := make(chan struct{}, headerReaders)
	for i, l := range found.Rows {
		group.Add(1)
		slots <- struct{}{}
		go func() {
			defer func() { <-slots; group.Done() }()
			patients[i] = s.lately(ctx, l.Record())
		}()
	}
	group.Wait()
	words := strings.Fields(fold(text))
	var rows []store.Listed
	for i, l := range found.Rows {
		switch p := patients[i]; {
		case p == nil:
			unknown++
		case p.has(words):
			rows = append(rows, l)
		}
	}
	found.Total = len(rows)
	found.Rows = rows[min(q.Offset, len(rows)):min(q.Offset+q.Limit, len(rows))]
	return found, unknown
}

// lately is who a series is of, as it was read within the last minutes or is
// read now, nil where that is not known.
func (s *Server) lately(ctx context.Context, r store.Record) *patient {
	p, err := s.patients.Get(ctx, seriesKey(r), func(ctx context.Context) (*patient, error) {
		p, why := s.readPatient(ctx, r)
		if why != nil {
			return nil, errUnread
		}
		return p, nil
	})
	if err != nil {
		return nil
	}
	return p
}

// has tells whether every word is in the name, the id or the accession number.
func (p *patient) has(words []string) bool {
	text := fold(p.Name + "\n" + p.ID + "\n" + p.AccessionNumber)
	for _, w := range words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}

// fold makes texts equal that differ in case and accents alone.
func fold(text string) string {
	plain, _, err := transform.String(transform.Chain(norm.NFKD, runes.Remove(runes.In(unicode.Mn))), text)
	if err != nil {
		plain = text
	}
	return strings.ToLower(plain)
}
