package outbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Kind is what a letter sends of a result.
type Kind string

// Kinds.
const (
	Outline  Kind = "outline"  // segmentation of the nodules of a result that have an outline
	Report   Kind = "report"   // Comprehensive 3D SR, unverified
	Verified Kind = "verified" // the same after a review, one document for every version of it
	HeatMap  Kind = "heat-map" // parametric maps, one for each nodule and detector
	Capture  Kind = "capture"  // secondary captures, one for each nodule and detector
)

// Kinds lists all of them, in the order in which they are sent.
func Kinds() []Kind { return []Kind{Outline, Report, Verified, Capture, HeatMap} }

// ParseKind reads the name of a kind.
func ParseKind(text string) (Kind, error) {
	for _, k := range Kinds() {
		if string(k) == text {
			return k, nil
		}
	}
	return "", fmt.Errorf("%q is unknown; there are %v", text, Kinds())
}

// Letter is something to send.
type Letter struct {
	Number  uint64    `json:"number"` // names it in lists
	Record  string    `json:"record"` // id of the result's record, see review.IDOf
	Kind    Kind      `json:"kind"`
	Time    time.Time `json:"time"`              // since when it waits
	Refused bool      `json:"refused,omitempty"` // nothing is tried any more

	Attempts int       `json:"attempts,omitempty"`
	Doubts   int       `json:"doubts,omitempty"` // attempts that failed in a way that may be for good
	Tried    time.Time `json:"tried,omitzero"`   // the last attempt
	Code     string    `json:"code,omitempty"`   // why it failed
	Problem  string    `json:"problem,omitempty"`

	Round   int `json:"round,omitempty"`   // grows when it is added again while it waits
	Version int `json:"version,omitempty"` // of a review: the one that was last tried to be sent
}

// Status is what a letter box holds.
type Status struct {
	Waiting int       `json:"waiting"`        // letters that are still tried
	Since   time.Time `json:"since,omitzero"` // since when the oldest of these waits
	Refused int       `json:"refused"`        // letters that are kept and not tried
	Code    string    `json:"code,omitempty"` // why the oldest waiting one was not taken at the last attempt
}

// ErrNotThere says that no letter has a number.
var ErrNotThere = errors.New("outbox: there is no document with this number")

func decodeLetter(text []byte) (l Letter, err error) {
	if err := json.Unmarshal(text, &l); err != nil {
		return l, fmt.Errorf("outbox: an entry is damaged: %w", err)
	}
	return l, nil
}
