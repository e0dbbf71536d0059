package bus

import (
	"strings"

	"github.com/nodulescope/nodulescope/internal/coded"
)

// Names of the streams.
const (
	StreamJobs    = "JOBS"
	StreamResults = "RESULTS"
	StreamReviews = "REVIEWS"
	StreamDead    = "DEAD"
)

// Priorities of a job: each has a subject, and thereby a queue, of its own.
const (
	PriorityStat    = "stat"
	PriorityRoutine = "routine"
)

const subjectPrefix = "nodule.v1."

// CheckSite returns an error with code site_invalid unless site is 1 to 32
// characters of a-z, 0-9 and "-". A site stands in subjects and in the names
// of consumers, so nothing else is safe there.
func CheckSite(site string) error {
	ok := len(site) >= 1 && len(site) <= 32
	for _, c := range []byte(site) {
		ok = ok && (c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-')
	}
	if !ok {
		return coded.New(CodeSiteInvalid, "check site", "a site is 1 to 32 characters of a-z, 0-9 and \"-\"", nil)
	}
	return nil
}

// jobSubject returns the subject nodule.v1.job.<site>.<priority>. An empty
// priority is routine.
func jobSubject(site, priority string) (string, error) {
	if err := CheckSite(site); err != nil {
		return "", err
	}
	if priority == "" {
		priority = PriorityRoutine
	}
	if priority != PriorityStat && priority != PriorityRoutine {
		return "", coded.New(CodeJobInvalid, "name job subject", "priority is \"stat\" or \"routine\"", nil)
	}
	return subjectPrefix + "job." + site + "." + priority, nil
}

// resultSubject returns the subject nodule.v1.result.<site>.
func resultSubject(site string) (string, error) { return siteSubject("result", site) }

// reviewSubject returns the subject nodule.v1.review.<site>.
func reviewSubject(site string) (string, error) { return siteSubject("review", site) }

// deadSubject returns the subject nodule.v1.dead.<site>.
func deadSubject(site string) (string, error) { return siteSubject("dead", site) }

func siteSubject(kind, site string) (string, error) {
	if err := CheckSite(site); err != nil {
		return "", err
	}
	return subjectPrefix + kind + "." + site, nil
}

// parseJobSubject is the inverse of jobSubject; ok is false for anything that
// jobSubject does not make.
func parseJobSubject(subject string) (site, priority string, ok bool) {
	rest, found := strings.CutPrefix(subject, subjectPrefix+"job.")
	if !found {
		return "", "", false
	}
	site, priority, found = strings.Cut(rest, ".")
	if !found {
		return "", "", false
	}
	again, err := jobSubject(site, priority)
	return site, priority, err == nil && again == subject
}
