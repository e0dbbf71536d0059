package dataset

import (
	"strings"
	"unicode"

	"github.com/nodulescope/nodulescope/dicomio/sr"
)

// person is what is known of the patients under one id, to tell whether they are
// one. It is kept in memory alone.
type person struct {
	pseudonym                 string
	birth, sex, issuer, names string
	conflict                  bool // there are two
	renamed                   bool // one, under two names
}

// people knows patients by id.
type people struct {
	key  Key
	byID map[string]*person
}

// of is the patient whom images name, nil where they name none.
func (p *people) of(h sr.Header) *person {
	id := strings.TrimSpace(h.PatientID)
	if id == "" {
		return nil
	}
	who := p.byID[id]
	if who == nil {
		who = &person{pseudonym: p.key.patient(id)}
		p.byID[id] = who
	}
	who.meet(h)
	return who
}

// meet compares with what other images say. What is missing says nothing; a name
// alone may change, or be written in another way.
func (w *person) meet(h sr.Header) {
	differs := func(known *string, said string) bool {
		said = strings.TrimSpace(said)
		if *known == "" {
			*known = said
		}
		return said != "" && said != *known
	}
	born := h.PatientBirthDate != "" && w.birth != ""
	if differs(&w.birth, h.PatientBirthDate) || differs(&w.sex, sexOf(h.PatientSex)) || differs(&w.issuer, h.IssuerOfPatientID) {
		w.conflict = true
	}
	if differs(&w.names, plainName(h.PatientName)) {
		w.renamed = true
		w.conflict = w.conflict || !born
	}
}

// sexOf is M or F; others say too little.
func sexOf(s string) string {
	if s = strings.ToUpper(strings.TrimSpace(s)); s == "M" || s == "F" {
		return s
	}
	return ""
}

// plainName are the letters and digits of a name, without case and order of
// signs; of its groups the first.
func plainName(name string) string {
	name, _, _ = strings.Cut(name, "=")
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToUpper(r)
		}
		return -1
	}, name)
}
