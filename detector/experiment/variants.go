package experiment

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/nodulescope/nodulescope/internal/smallfile"
)

// variant is one way of scoring that was tried: a row of a run. The list of all
// of them says out of how many the best was taken.
type variant struct {
	Settings   string // digest
	Experiment string
	Detector   string
	Set        string
	Row        string
	Networks   int
	Mean       float64 // AUROC
	Low, High  float64
	Together   float64 // 0 where there is one network
}

var variantColumns = []string{"settings", "experiment", "detector", "set", "row", "networks", "auroc", "low", "high", "together"}

// limits of the list.
const (
	maxVariants     = 100_000
	maxVariantBytes = 64 << 20
)

// errVariants says that a file is no list of variants.
var errVariants = errors.New("experiment: not a list of variants")

func (v variant) line() []string {
	f := func(x float64) string { return strconv.FormatFloat(x, 'g', 6, 64) }
	return []string{v.Settings, v.Experiment, v.Detector, v.Set, v.Row, strconv.Itoa(v.Networks), f(v.Mean), f(v.Low), f(v.High), f(v.Together)}
}

func (v variant) same(w variant) bool {
	return v.Settings == w.Settings && v.Set == w.Set && v.Row == w.Row
}

// variants of a run: the rows of its models.
func (r *Results) variants() []variant {
	var vs []variant
	for _, s := range r.Sets {
		for _, m := range s.Means {
			if !m.Model {
				continue
			}
			v := variant{Settings: r.SettingsDigest, Experiment: r.Experiment, Detector: r.Detector, Set: s.Name, Row: m.Name,
				Networks: len(m.Average.Each), Mean: m.Average.Mean, Low: m.Average.Low, High: m.Average.High}
			if m.Together != nil {
				v.Together = m.Together.Value
			}
			vs = append(vs, v)
		}
	}
	return vs
}

// readVariants reads a list of variants.
func readVariants(r io.Reader) ([]variant, error) {
	limited := &io.LimitedReader{R: r, N: maxVariantBytes}
	c := csv.NewReader(limited)
	head, err := c.Read()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errVariants, err)
	}
	if !slices.Equal(head, variantColumns) {
		return nil, fmt.Errorf("%w: its columns are others", errVariants)
	}
	var vs []variant
	for {
		line, err := c.Read()
		if errors.Is(err, io.EOF) && limited.N > 0 {
			return vs, nil
		}
		if err != nil || limited.N <= 0 || len(vs) == maxVariants {
			return nil, fmt.Errorf("%w: line %d, or too long: %w", errVariants, len(vs)+2, errors.Join(err))
		}
		v := variant{Settings: line[0], Experiment: line[1], Detector: line[2], Set: line[3], Row: line[4]}
		v.Networks, err = strconv.Atoi(line[5])
		for i, at := range []*float64{&v.Mean, &v.Low, &v.High, &v.Together} {
			var e error
			*at, e = strconv.ParseFloat(line[6+i], 64)
			err = errors.Join(err, e)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: line %d: %w", errVariants, len(vs)+2, err)
		}
		vs = append(vs, v)
	}
}

// addVariants appends those that the list does not have yet, in one write, and
// returns the whole list.
func addVariants(path string, add []variant) ([]variant, error) {
	var have []variant
	f, err := smallfile.Open(path) //nolint:gosec // the user names it
	fresh := errors.Is(err, fs.ErrNotExist)
	if err == nil {
		have, err = readVariants(f)
		err = errors.Join(err, f.Close())
	}
	if err != nil && !fresh {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	if fresh {
		_ = w.Write(variantColumns) // a buffer takes everything
	}
	for _, v := range add {
		if !slices.ContainsFunc(have, v.same) {
			have = append(have, v)
			_ = w.Write(v.line())
		}
	}
	w.Flush()
	if b.Len() == 0 {
		return have, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // results are no secret
		return nil, fmt.Errorf("experiment: list of variants: %w", err)
	}
	out, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644) //nolint:gosec // the user names it
	if err != nil {
		return nil, fmt.Errorf("experiment: list of variants: %w", err)
	}
	_, err = out.Write(b.Bytes())
	if err = errors.Join(err, out.Close()); err != nil {
		return nil, fmt.Errorf("experiment: list of variants: %w", err)
	}
	return have, nil
}
