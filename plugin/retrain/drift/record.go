package drift

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector/stats"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/internal/smallfile"
)

// CodeFailed is the code of records that cannot be written or read.
const CodeFailed coded.Code = "drift_failed"

const (
	maxLog  = 20 << 20 // bytes of records, after which the older half is dropped at the next turn
	maxText = 48
)

// Record is one series. Numbers that are not known are NaN in memory and left out of JSON.
type Record struct {
	Day     string             `json:"day,omitempty"`     // 2026-01-31, UTC
	Version string             `json:"version,omitempty"` // of the models that scored
	Names   map[string]string  `json:"names"`             // scanner, kernel
	Numbers map[string]float64 `json:"numbers"`
}

// Values of a record; scores are called after their model, with scorePrefix.
const (
	Scanner     = "scanner"
	Kernel      = "kernel"
	Thickness   = "slice thickness, mm"
	SliceStep   = "slice spacing, mm"
	PixelStep   = "pixel spacing, mm"
	Diameter    = "diameter, mm"
	Volume      = "volume, mm³"
	MeanHU      = "mean HU"
	NoiseHU     = "noise, HU" // see Noise
	Headline    = "score headline"
	scorePrefix = "score "
)

// Of makes the record of a result and its series; noise is that around its nodules, as
// far as it is known.
func Of(now time.Time, version string, s *dicomio.Series, r *bus.Result, noise []float64) Record {
	out := Record{Day: now.UTC().Format(time.DateOnly), Version: version, Names: map[string]string{Scanner: text(s.Manufacturer), Kernel: "not told"}, Numbers: map[string]float64{}}
	for _, v := range s.Volumes {
		if v.Why == "" { // the one that was taken
			out.Names[Kernel] = text(v.Kernel)
			if v.ThicknessMM > 0 {
				out.Numbers[Thickness] = v.ThicknessMM
			}
		}
	}
	out.Numbers[SliceStep], out.Numbers[PixelStep] = r.Geometry.SpacingMM[0], r.Geometry.SpacingMM[1]
	values := map[string][]float64{NoiseHU: noise}
	for i := range r.Nodules {
		n := &r.Nodules[i]
		for _, s := range n.Scores {
			values[scorePrefix+s.Model] = append(values[scorePrefix+s.Model], s.Raw)
		}
		if n.Headline != nil {
			values[Headline] = append(values[Headline], n.Headline.Probability)
		}
		if n.Outline == nil || n.Outline.Measurements == nil {
			continue
		}
		m := n.Outline.Measurements
		values[Diameter], values[Volume] = append(values[Diameter], m.DiameterMM), append(values[Volume], m.VolumeMM3)
		if m.MeanHU != nil {
			values[MeanHU] = append(values[MeanHU], *m.MeanHU)
		}
	}
	out.medians(values)
	return out
}

func (r *Record) medians(values map[string][]float64) {
	for name, all := range values {
		all = slices.DeleteFunc(all, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) })
		if len(all) > 0 {
			r.Numbers[name] = stats.QuartilesOf(all).Median
		}
	}
}

// text is a text of a header as far as it is kept.
func text(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, strings.TrimSpace(s))
	if s == "" {
		return "not told"
	}
	runes := []rune(s)
	return string(runes[:min(len(runes), maxText)])
}

// Reference is what a training leaves with its models.
type Reference struct {
	Schema  int      `json:"schema"`
	Records []Record `json:"records"` // a series each, in no order that tells anything
}

// maxReference bounds the bytes of a reference.
const maxReference = 64 << 20

// FromTable makes a reference of the table of a data set (NAME_nodules.csv). noise is
// that around its nodules, by their names in the table.
func FromTable(table io.Reader, noise map[string]float64) (*Reference, error) {
	rows, err := csv.NewReader(table).ReadAll()
	if err != nil || len(rows) == 0 {
		return nil, coded.New(CodeFailed, "read table of nodules", "it is no table of 'nodulescope dataset build'", err)
	}
	at := map[string]int{}
	for i, name := range rows[0] {
		at[name] = i
	}
	for _, name := range []string{"series", "nodule", "manufacturer", "kernel"} {
		if _, there := at[name]; !there {
			return nil, coded.New(CodeFailed, "read table of nodules", "it has no column "+name, nil)
		}
	}
	numbers := map[string]string{
		Thickness: "slice_thickness_mm", SliceStep: "slice_spacing_mm", PixelStep: "pixel_spacing_mm", Diameter: "diameter_mm", Volume: "volume_mm3", MeanHU: "mean_hu",
	}
	bySeries := map[string][][]string{}
	for _, row := range rows[1:] {
		bySeries[row[at["series"]]] = append(bySeries[row[at["series"]]], row)
	}
	out := &Reference{Schema: 1}
	for _, group := range bySeries {
		r := Record{Names: map[string]string{Scanner: text(group[0][at["manufacturer"]]), Kernel: text(group[0][at["kernel"]])}, Numbers: map[string]float64{}}
		values := map[string][]float64{}
		for _, row := range group {
			if v, known := noise[row[at["nodule"]]]; known {
				values[NoiseHU] = append(values[NoiseHU], v)
			}
			for name, column := range numbers {
				i, there := at[column]
				if !there {
					continue
				}
				if v, err := strconv.ParseFloat(row[i], 64); err == nil {
					values[name] = append(values[name], v)
				}
			}
		}
		r.medians(values)
		out.Records = append(out.Records, r)
	}
	slices.SortFunc(out.Records, func(a, b Record) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	return out, nil
}

// Decode reads a reference.
func Decode(b []byte) (*Reference, error) {
	r := &Reference{}
	if err := json.Unmarshal(b, r); err != nil || r.Schema != 1 || len(b) > maxReference {
		return nil, coded.New(CodeFailed, "read reference", "the reference of the models is damaged, or of another version", err)
	}
	return r, nil
}

func logFile(dataDir string) string {
	return filepath.Join(dataDir, "models", "drift", "records.jsonl")
}

// Append keeps a record. It is not synced: a crash may lose some.
func Append(dataDir string, r Record) error {
	fail := func(err error) error { return coded.New(CodeFailed, "keep drift", "is the disk full?", err) }
	line, err := json.Marshal(r)
	if err != nil {
		return fail(err)
	}
	path := logFile(dataDir)
	if info, err := os.Stat(path); err == nil && info.Size() > maxLog/2 {
		if err := os.Rename(path, path+".old"); err != nil {
			return fail(err)
		}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fail(err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return fail(err)
	}
	_, err = f.Write(append(line, '\n'))
	if err = errors.Join(err, f.Close()); err != nil {
		return fail(err)
	}
	return nil
}

// Read returns the records of a data folder, the oldest first. A line that is cut is left
// out.
func Read(dataDir string) (records []Record, err error) {
	for _, path := range []string{logFile(dataDir) + ".old", logFile(dataDir)} {
		b, err := smallfile.Read(path, maxLog)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, coded.New(CodeFailed, "read drift", "its records cannot be read", err)
		}
		lines := bufio.NewScanner(bytes.NewReader(b))
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var r Record
			if json.Unmarshal(lines.Bytes(), &r) == nil {
				records = append(records, r)
			}
		}
		if err := lines.Err(); err != nil {
			return nil, coded.New(CodeFailed, "read drift", "its records cannot be read", err)
		}
	}
	return records, nil
}
