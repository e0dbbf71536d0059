package dataset

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"

	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/internal/smallfile"
)

const maxCard = 4 << 20

// ReadCard reads the card of a data set NAME.npz. Where there is none the error
// wraps fs.ErrNotExist; a card that cannot be used has CodeChanged.
func ReadCard(path string) (*Card, error) {
	name := FilesOf(path).Card
	text, err := smallfile.Read(name, maxCard)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read data card: %w", err)
	}
	var c Card
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	if err == nil && c.Format != cardFormat {
		err = errors.New("it has another format")
	}
	if err != nil {
		return nil, &coded.Error{Code: CodeChanged, Op: "read data card", Path: name, Hint: "it is no card of a data set of this version: build anew", Err: err}
	}
	return &c, nil
}

// Differences are what is not as the card of a data set says, in words; none: all is.
type Differences struct {
	Files []string `json:"files"` // altered or missing
	Input []string `json:"input"` // changed since the data set was built
}

// Any tells whether there are some.
func (d Differences) Any() bool { return len(d.Files)+len(d.Input) > 0 }

// Check compares the files of a data set with its card and, where there is a plan,
// what would be built now with what was. Errors are those of [ReadCard], and
// CodeKey where the plan has another key: then every name would be another one.
func Check(path string, plan *Plan) (Differences, error) {
	d := Differences{Files: []string{}, Input: []string{}}
	card, err := ReadCard(path)
	if err != nil {
		return d, err
	}
	for _, name := range slices.Sorted(maps.Keys(card.Files)) {
		switch sum, err := digestOf(filepath.Join(filepath.Dir(path), filepath.Base(name))); {
		case err != nil:
			d.Files = append(d.Files, name+" cannot be read")
		case sum != card.Files[name]:
			d.Files = append(d.Files, name+" is not what was written")
		}
	}
	if plan == nil {
		return d, nil
	}
	if err := plan.SameKey(card); err != nil {
		return d, err
	}
	compare := func(what string, was, is Digested) {
		if was.Digest != is.Digest {
			d.Input = append(d.Input, fmt.Sprintf("%s: %d then, %d now, and not the same", what, was.Count, is.Count))
		}
	}
	compare("results", card.Inputs.Results, plan.inputs.Results)
	compare("decisions", card.Inputs.Decisions, plan.inputs.Decisions)
	compare("series", card.Inputs.Series, plan.inputs.Series)
	if now := plan.outliner(); now != card.Outliner {
		d.Input = append(d.Input, "the network that outlines is another one")
	}
	return d, nil
}

// outliner is the digest of the network, empty for none.
func (p *Plan) outliner() string {
	if p.opt.Outliner == nil {
		return ""
	}
	return p.opt.Outliner.Digest()
}

// SameKey refuses a card that was made with another key, with CodeKey: patients
// would change their names, and with them their sides.
func (p *Plan) SameKey(card *Card) error {
	if card.Key == p.opt.Key.Fingerprint() {
		return nil
	}
	return coded.New(CodeKey, "compare with the former data set",
		"it was built with another key, so that every patient would have another name and perhaps another side: name that key, or another file for the data set", nil)
}
