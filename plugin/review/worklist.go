package review

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/dicomio/sr"
)

// Limits of a work list.
const (
	defaultRows   = 50
	maxRows       = 200
	maxWaiting    = 500
	waitingFresh  = time.Second
	headerReaders = 4
	headerTime    = 5 * time.Second // for the identities of a page of rows
)

// Patient is who the images are of, as the page shows it. It is never stored
// or logged.
type Patient struct {
	Name             string `json:"name"`
	ID               string `json:"id"`
	BirthDate        string `json:"birth_date"`
	Sex              string `json:"sex"`
	AccessionNumber  string `json:"accession_number"`
	StudyDate        string `json:"study_date"`
	StudyDescription string `json:"study_description"`
}

func patientOf(h sr.Header) *Patient {
	return &Patient{
		Name: readableName(h.PatientName), ID: h.PatientID, BirthDate: readableDate(h.PatientBirthDate), Sex: h.PatientSex,
		AccessionNumber: h.AccessionNumber, StudyDate: readableDate(h.StudyDate), StudyDescription: h.StudyDescription,
	}
}

// readableName writes a person's name (PS3.5 section 6.2.1) as "family, given
// middle", and other writings of it in brackets.
func readableName(pn string) string {
	var written []string
	for group := range strings.SplitSeq(pn, "=") {
		parts := strings.Split(group, "^")
		for i := range parts {
			parts[i] = strings.TrimSpace(parts[i])
		}
		for len(parts) < 5 {
			parts = append(parts, "")
		}
		rest := strings.Join(strings.Fields(strings.Join([]string{parts[3], parts[1], parts[2], parts[4]}, " ")), " ")
		switch {
		case parts[0] != "" && rest != "":
			written = append(written, parts[0]+", "+rest)
		case parts[0]+rest != "":
			written = append(written, parts[0]+rest)
		}
	}
	if len(written) < 2 {
		return strings.Join(written, "")
	}
	return written[0] + " (" + strings.Join(written[1:], "; ") + ")"
}

func readableDate(da string) string {
	if t, err := time.Parse("20060102", da); err == nil {
		return t.Format(time.DateOnly)
	}
	return ""
}

// listRow is a row as it is answered.
type listRow struct {
	ID             string       `json:"id"`
	State          State        `json:"state"`
	Priority       string       `json:"priority"`
	Time           time.Time    `json:"time"`
	Patient        *Patient     `json:"patient"`
	PatientProblem *bus.Problem `json:"patient_problem,omitempty"`
	Findings       int          `json:"findings"`
	Decided        int          `json:"decided"`
	Flagged        int          `json:"flagged"`
	Triage         string       `json:"triage"`
	Disagree       int          `json:"disagree"`
	Probability    *float64     `json:"probability"`
	Percentile     *float64     `json:"percentile"`
	Unread         bool         `json:"unread"`
	Models         []modelName  `json:"models"`
	Problem        *bus.Problem `json:"problem"`
	SupersededBy   *string      `json:"superseded_by"`
}

func (s *Server) getWorklist(w http.ResponseWriter, r *http.Request, who *session) error {
	q, err := parseQuery(r.URL.Query())
	if err != nil {
		return err
	}
	eventID := s.cfg.Store.events.lastID() // before the list is made: what comes meanwhile is told again
	waiting, jobs := s.waitingRows(r.Context())
	found := s.cfg.Store.find(q, who.who.name, waiting)
	rows := make([]listRow, len(found.rows))
	records := make([]Record, len(found.rows))
	for i, l := range found.rows {
		state := l.state()
		if job, there := jobs[l.id]; there {
			records[i], state = job, Waiting
		} else if record, err := s.cfg.Store.Record(l.id); err == nil {
			records[i] = record
		}
		rows[i] = listRow{
			ID: l.id, State: state, Priority: l.priority, Time: l.time.UTC(), Findings: l.findings, Decided: l.decided,
			Flagged: l.flagged, Triage: l.triage(), Disagree: l.disagree, Probability: l.probability, Percentile: l.percentile,
			Unread: l.unread, Models: l.models, Problem: l.problem, SupersededBy: nullable(l.superseded),
		}
		if state == Waiting {
			rows[i].Triage = "unknown"
		}
		if rows[i].Models == nil {
			rows[i].Models = []modelName{}
		}
	}
	s.addPatients(r.Context(), rows, records)
	if err := s.auditList(who, rows, records); err != nil {
		return err
	}
	return answerJSON(w, "application/json", map[string]any{
		"rows": rows, "total": found.total, "unread": found.unread, "counts": found.counts,
		"offset": q.offset, "limit": q.limit, "event_id": eventID,
	})
}

// addPatients reads who the rows are of, from the images, now.
func (s *Server) addPatients(ctx context.Context, rows []listRow, records []Record) {
	ctx, cancel := context.WithTimeout(ctx, headerTime)
	defer cancel()
	var group sync.WaitGroup
	slots := make(chan struct{}, headerReaders)
	for i := range rows {
		group.Add(1)
		slots <- struct{}{}
		go func() {
			defer func() { <-slots; group.Done() }()
			rows[i].Patient, rows[i].PatientProblem = s.patient(ctx, records[i])
		}()
	}
	group.Wait()
}

func (s *Server) patient(ctx context.Context, r Record) (patient *Patient, why *bus.Problem) {
	defer func() {
		if recover() != nil { // its value may name a patient
			patient, why = nil, &bus.Problem{Code: codeInternal, Message: "reading the patient failed within the program"}
		}
	}()
	h, err := s.cfg.Source.Header(ctx, r)
	if err != nil {
		p := s.cfg.Source.Summary(err)
		return nil, &p
	}
	return patientOf(h), nil
}

// auditList notes the rows that this session sees for the first time.
func (s *Server) auditList(who *session, rows []listRow, records []Record) error {
	var shown []string
	for i, row := range rows {
		if row.Patient != nil && records[i].Result != nil && !who.sees("row "+row.ID) {
			shown = append(shown, records[i].Result.Identity)
		} else if row.Patient != nil && records[i].Result == nil && !who.sees("row "+row.ID) {
			shown = append(shown, row.ID)
		}
	}
	if len(shown) == 0 {
		return nil
	}
	if err := s.cfg.Audit(Entry{Kind: "view", User: who.who.name, Identities: shown, Detail: "list"}); err != nil {
		return fail(http.StatusInternalServerError, codeAudit, "the audit trail cannot be written, so nothing is shown; is the disk full?", err)
	}
	for _, row := range rows {
		if row.Patient != nil {
			_ = who.first("row "+row.ID, func() error { return nil }) // no error without one from the function
		}
	}
	return nil
}

// waitingCache keeps the list of jobs for a moment: every page asks for it.
type waitingCache struct {
	mu   sync.Mutex
	at   time.Time
	jobs []bus.WaitingJob
}

// waitingRows are the rows of jobs that nobody has answered yet, and records of
// them by id. Where the bus does not answer there are none.
func (s *Server) waitingRows(ctx context.Context) ([]*row, map[string]Record) {
	s.waiting.mu.Lock()
	defer s.waiting.mu.Unlock()
	if now := time.Now(); now.Sub(s.waiting.at) > waitingFresh {
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		jobs, err := s.cfg.Source.Waiting(ctx)
		if err != nil {
			s.log.Warn("waiting jobs not listed", "code", s.cfg.Source.Summary(err).Code)
		}
		s.waiting.at, s.waiting.jobs = now, jobs
	}
	var rows []*row
	records := map[string]Record{}
	for _, j := range s.waiting.jobs {
		record := Record{
			ID: digestID("waiting", strconv.FormatUint(j.Sequence, 10), j.Stored.String()), Source: j.Source, JobID: j.ID,
			StudyUID: j.StudyUID, SeriesUID: j.SeriesUID, URI: j.URI, Priority: j.Priority, Time: j.Stored, Nodules: len(j.Nodules),
		}
		record.Site = s.cfg.Publisher.Site
		if s.cfg.Store.answered(record.lineage(), j.ID, j.Stored) {
			continue
		}
		w := rowOf(&record)
		w.waiting = true
		rows, records[record.ID] = append(rows, w), record
	}
	return rows, records
}

func parseQuery(v url.Values) (q query, err error) {
	q = query{sort: "probability", limit: defaultRows}
	flag := func(name string) (value *bool) {
		text := v.Get(name)
		if text == "" {
			return nil
		}
		if text != "true" && text != "false" {
			err = invalid(name + " is true or false")
		}
		b := text == "true"
		return &b
	}
	number := func(name string, low, high, fallback int) int {
		if v.Get(name) == "" {
			return fallback
		}
		n, bad := strconv.Atoi(v.Get(name))
		if bad != nil || n < low || n > high {
			err = invalid(name + " is a number of " + strconv.Itoa(low) + " to " + strconv.Itoa(high))
		}
		return n
	}
	for name := range v {
		switch name {
		case "state", "flagged", "disagree", "unread", "priority", "min_probability", "superseded", "sort", "order", "limit", "offset":
		default:
			return q, invalid("there is a parameter that is not known; see openapi.yaml")
		}
	}
	for _, text := range v["state"] {
		for name := range strings.SplitSeq(text, ",") {
			if name == "" {
				continue
			}
			if !slices.Contains(states, State(name)) {
				return q, invalid("state is waiting, scored, refused, in_review or done")
			}
			q.states = append(q.states, State(name))
		}
	}
	q.flagged, q.disagree, q.unread = flag("flagged"), flag("disagree"), flag("unread")
	if all := flag("superseded"); all != nil {
		q.superseded = *all
	}
	if q.priority = v.Get("priority"); q.priority != "" && q.priority != bus.PriorityStat && q.priority != bus.PriorityRoutine {
		return q, invalid("priority is stat or routine")
	}
	if text := v.Get("min_probability"); text != "" {
		p, bad := strconv.ParseFloat(text, 64)
		if bad != nil || !(p >= 0 && p <= 1) {
			return q, invalid("min_probability is a number of 0 to 1")
		}
		q.minProbability = p
	}
	if name := v.Get("sort"); name != "" {
		if !slices.Contains([]string{"probability", "percentile", "time", "findings", "state"}, name) {
			return q, invalid("sort is probability, percentile, time, findings or state")
		}
		q.sort = name
	}
	switch v.Get("order") {
	case "", "desc":
	case "asc":
		q.ascending = true
	default:
		return q, invalid("order is asc or desc")
	}
	q.limit, q.offset = number("limit", 1, maxRows, defaultRows), number("offset", 0, 10_000_000, 0)
	return q, err
}
