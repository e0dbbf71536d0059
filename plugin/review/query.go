package review

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/nodule/measure"
	"github.com/nodulescope/nodulescope/plugin/review/internal/answer"
	"github.com/nodulescope/nodulescope/plugin/review/store"
)

// Limits of a page of the work list.
const (
	defaultRows = 50
	maxRows     = 200
	maxSizeMM   = 1000
)

// noduleTypes are those that a list can be filtered by.
var noduleTypes = []measure.Type{measure.Solid, measure.PartSolid, measure.GroundGlass, measure.Calcified, measure.Fat}

// parseQuery reads the filters, the order and the page of a work list.
func parseQuery(v url.Values) (q store.Query, err error) {
	q = store.Query{Sort: store.Sorts()[0], Limit: defaultRows}
	flag := func(name string) (value *bool) {
		text := v.Get(name)
		if text == "" {
			return nil
		}
		if text != "true" && text != "false" {
			err = answer.Invalid(name + " is true or false")
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
			err = answer.Invalid(name + " is a number of " + strconv.Itoa(low) + " to " + strconv.Itoa(high))
		}
		return n
	}
	for name := range v {
		switch name {
		case "state", "flagged", "disagree", "unread", "priority", "min_probability", "min_size", "type", "superseded", "sort", "order", "limit", "offset":
		default:
			return q, answer.Invalid("unknown parameter; see openapi.yaml")
		}
	}
	for _, text := range v["state"] {
		for name := range strings.SplitSeq(text, ",") {
			if name == "" {
				continue
			}
			if !slices.Contains(store.States(), store.State(name)) {
				return q, answer.Invalid("state is waiting, scored, refused, in_review or done")
			}
			q.States = append(q.States, store.State(name))
		}
	}
	q.Flagged, q.Disagree, q.Unread = flag("flagged"), flag("disagree"), flag("unread")
	if all := flag("superseded"); all != nil {
		q.Superseded = *all
	}
	if q.Priority = v.Get("priority"); q.Priority != "" && q.Priority != bus.PriorityStat && q.Priority != bus.PriorityRoutine {
		return q, answer.Invalid("priority is stat or routine")
	}
	if text := v.Get("min_probability"); text != "" {
		p, bad := strconv.ParseFloat(text, 64)
		if bad != nil || !(p >= 0 && p <= 1) {
			return q, answer.Invalid("min_probability is a number of 0 to 1")
		}
		q.MinProbability = p
	}
	if text := v.Get("min_size"); text != "" {
		mm, bad := strconv.ParseFloat(text, 64)
		if bad != nil || !(mm >= 0 && mm <= maxSizeMM) {
			return q, answer.Invalid("min_size is a number of 0 to 1000, in mm")
		}
		q.MinSizeMM = mm
	}
	if q.Type = measure.Type(v.Get("type")); q.Type != "" && !slices.Contains(noduleTypes, q.Type) {
		return q, answer.Invalid("type is solid, part_solid, ground_glass, calcified or fat")
	}
	if name := v.Get("sort"); name != "" {
		if !slices.Contains(store.Sorts(), name) {
			return q, answer.Invalid("sort is probability, percentile, time, findings, state or urgency")
		}
		q.Sort = name
	}
	switch v.Get("order") {
	case "", "desc":
	case "asc":
		q.Ascending = true
	default:
		return q, answer.Invalid("order is asc or desc")
	}
	q.Limit, q.Offset = number("limit", 1, maxRows, defaultRows), number("offset", 0, 10_000_000, 0)
	return q, err
}
