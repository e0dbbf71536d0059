package review

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/plugin/review/internal/answer"
	"github.com/nodulescope/nodulescope/plugin/review/internal/signin"
	"github.com/nodulescope/nodulescope/plugin/review/store"
)

// Limits of reading who the rows of a page are of.
const (
	headerReaders = 4
	headerTime    = 5 * time.Second
)

// listRow is a row as it is answered.
type listRow struct {
	ID             string        `json:"id"`
	State          store.State   `json:"state"`
	Priority       string        `json:"priority"`
	Time           time.Time     `json:"time"`
	Patient        *patient      `json:"patient"`
	PatientProblem *bus.Problem  `json:"patient_problem,omitempty"`
	Findings       int           `json:"findings"`
	Decided        int           `json:"decided"`
	Flagged        int           `json:"flagged"`
	Flag           store.Flag    `json:"flag"`
	Disagree       int           `json:"disagree"`
	Probability    *float64      `json:"probability"`
	Percentile     *float64      `json:"percentile"`
	BaseRate       *float64      `json:"base_rate"`
	Unread         bool          `json:"unread"`
	Models         []store.Model `json:"models"`
	Problem        *bus.Problem  `json:"problem"`
	SupersededBy   *string       `json:"superseded_by"`
}

func (s *Server) getWorklist(w http.ResponseWriter, r *http.Request, who *signin.Session) error {
	q, err := parseQuery(r.URL.Query())
	if err != nil {
		return err
	}
	return s.list(w, r, who, q, "")
}

// list answers a query, with a text those rows alone that it is found in.
func (s *Server) list(w http.ResponseWriter, r *http.Request, who *signin.Session, q store.Query, text string) error {
	eventID := s.cfg.Store.Events.LastID() // before the list is made: what comes meanwhile is told again
	waiting := s.waitingRows(r.Context())
	var found store.List
	unknown := 0
	if text = strings.TrimSpace(text); text == "" {
		found = s.cfg.Store.Find(q, who.User(), waiting)
	} else {
		found, unknown = s.search(r.Context(), q, who.User(), waiting, text)
	}
	rows := make([]listRow, len(found.Rows))
	for i, l := range found.Rows {
		rows[i] = listRow{
			ID: l.ID, State: l.State(), Priority: l.Priority, Time: l.Time.UTC(), Findings: l.Findings, Decided: l.Decided,
			Flagged: l.Flagged, Flag: l.Flag(), Disagree: l.Disagree, Probability: l.Probability, Percentile: l.Percentile, BaseRate: l.BaseRate,
			Unread: l.Unread, Models: l.Models, Problem: l.Problem, SupersededBy: store.Nullable(l.SupersededBy),
		}
		if rows[i].Models == nil {
			rows[i].Models = []store.Model{}
		}
	}
	s.addPatients(r.Context(), rows, found.Rows)
	if err := s.auditList(who, rows, found.Rows); err != nil {
		return err
	}
	return answer.JSON(w, "application/json", map[string]any{
		"rows": rows, "total": found.Total, "unread": found.Unread, "counts": found.Counts,
		"offset": q.Offset, "limit": q.Limit, "event_id": eventID, "unsearched": unknown,
	})
}

// addPatients reads who the rows are of, from the images, now.
func (s *Server) addPatients(ctx context.Context, rows []listRow, found []store.Listed) {
	ctx, cancel := context.WithTimeout(ctx, headerTime)
	defer cancel()
	var group sync.WaitGroup
	slots := make(chan struct{}, headerReaders)
	for i := range rows {
		group.Add(1)
		slots <- struct{}{}
		go func() {
			defer func() { <-slots; group.Done() }()
			rows[i].Patient, rows[i].PatientProblem = s.readPatient(ctx, found[i].Record())
		}()
	}
	group.Wait()
}

// auditList notes the rows that this session sees for the first time.
func (s *Server) auditList(who *signin.Session, rows []listRow, found []store.Listed) error {
	var shown []string
	for i, row := range rows {
		if row.Patient != nil && !who.Has("row "+row.ID) {
			shown = append(shown, found[i].Identity())
		}
	}
	if len(shown) == 0 {
		return nil
	}
	if err := s.cfg.Audit(store.Entry{Kind: "view", User: who.User(), Identities: shown, Detail: "list"}); err != nil {
		return hidden(err)
	}
	for _, row := range rows {
		if row.Patient != nil {
			_ = who.First("row "+row.ID, func() error { return nil }) // no error without one from the function
		}
	}
	return nil
}

// waitingRows are the rows of jobs that nobody has answered yet.
func (s *Server) waitingRows(ctx context.Context) []*store.Row {
	var rows []*store.Row
	for _, j := range s.waitingJobs(ctx) {
		record := store.Record{
			ID: store.WaitingID(j.Sequence, j.Stored), Site: s.cfg.Publisher.Site, Source: j.Source, JobID: j.ID,
			StudyUID: j.StudyUID, SeriesUID: j.SeriesUID, URI: j.URI, Priority: j.Priority, Time: j.Stored, Nodules: len(j.Nodules),
		}
		if !s.cfg.Store.Answered(&record) {
			rows = append(rows, store.WaitingRow(&record))
		}
	}
	return rows
}
