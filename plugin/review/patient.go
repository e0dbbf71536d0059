package review

import (
	"context"
	"strings"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/dicomio/sr"
	"github.com/nodulescope/nodulescope/plugin/review/internal/answer"
	"github.com/nodulescope/nodulescope/plugin/review/store"
)

// patient is who the images are of, as the page shows it. It is never stored
// or logged.
type patient struct {
	Name             string `json:"name"`
	ID               string `json:"id"`
	BirthDate        string `json:"birth_date"`
	Sex              string `json:"sex"`
	AccessionNumber  string `json:"accession_number"`
	StudyDate        string `json:"study_date"`
	StudyDescription string `json:"study_description"`

	SeriesNumber      string `json:"series_number"`
	SeriesDescription string `json:"series_description"`
}

func patientOf(h sr.Header) *patient {
	return &patient{
		Name: readableName(h.PatientName), ID: h.PatientID, BirthDate: readableDate(h.PatientBirthDate), Sex: h.PatientSex,
		AccessionNumber: h.AccessionNumber, StudyDate: readableDate(h.StudyDate), StudyDescription: h.StudyDescription,
		SeriesNumber: h.SeriesNumber, SeriesDescription: h.SeriesDescription,
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

// readPatient reads who a series is of, from its images, now.
func (s *Server) readPatient(ctx context.Context, r store.Record) (who *patient, why *bus.Problem) {
	defer func() {
		if recover() != nil { // its value may name a patient
			who, why = nil, &bus.Problem{Code: answer.CodeInternal, Message: "reading the patient failed within the program"}
		}
	}()
	h, err := s.cfg.Source.Header(ctx, r)
	if err != nil {
		p := s.cfg.Source.Summary(err)
		return nil, &p
	}
	return patientOf(h), nil
}
