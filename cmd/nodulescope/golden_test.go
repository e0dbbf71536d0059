package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The golden tests hold scores, identities, messages and files to what an
// earlier build gave. They call the program as a user does and use nothing of
// its packages. A golden file is written by the build that it stands for:
//
//	go test ./cmd/nodulescope -run Golden -golden-write -golden-program PATH
var (
	goldenProgram = flag.String("golden-program", "", "`PATH` of a program that the golden tests run in place of this build")
	goldenWrite   = flag.Bool("golden-write", false, "write the golden files anew")
)

const (
	goldenDir = "testdata/golden"
	masked    = "(masked)"

	// goldenTolerance is relative, for scores of a machine with other
	// instructions than the golden file's: its sums have another order.
	goldenTolerance = 1e-5
)

// renamed are words that were changed on purpose since the golden files were
// written.
var renamed = strings.NewReplacer(
	"judgement of the critic, negated", "critic score, negated", // a term of gan-ad
	`"triage": `, `"flag": `, // of a row of the work list
)

// goldenRun runs the command line in a folder and returns what it printed and
// its exit code. It takes no settings from the environment of the test.
func goldenRun(t *testing.T, dir string, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := goldenCommand(args...)
	cmd.Dir = dir
	cmd.Stdin = strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			t.Fatalf("%v did not run: %v", args, err)
		}
		code = exit.ExitCode()
	}
	return out.String(), errs.String(), code
}

// goldenOutput is goldenRun of what must succeed.
func goldenOutput(t *testing.T, dir string, args ...string) string {
	t.Helper()
	out, errs, code := goldenRun(t, dir, "", args...)
	if code != exitOK {
		t.Fatalf("nodulescope %s: exit code %d\n%s", strings.Join(args, " "), code, errs)
	}
	return out
}

func goldenCommand(args ...string) *exec.Cmd {
	name, err := filepath.Abs(os.Args[0])
	if err != nil {
		panic(err)
	}
	if *goldenProgram != "" {
		name = *goldenProgram
	}
	cmd := exec.Command(name, args...) //nolint:gosec // this test
	// Nothing is outlined where no flag wants it: what the other golden files hold
	// does not depend on the network that the binary has.
	cmd.Env = append(cleanEnviron(), runAsProgram+"=1", envPrefix+"OUTLINE=off")
	return cmd
}

// goldenPhantom writes a small synthetic scan of two nodules into DIR/scan, and
// its candidates with one more, outside the scan, into DIR/nodules.json.
func goldenPhantom(t *testing.T, dir string) {
	t.Helper()
	goldenOutput(t, dir, "phantom", "scan", "--seed", "7", "--slices", "60", "--size", "128", "--count", "2")
	const outside = `{"id": "outside", "position_lps_mm": [900, 0, 0], "diameter_mm": 9, "confidence": 0.5}`
	var truth struct {
		Nodules []json.RawMessage `json:"nodules"`
	}
	text, err := os.ReadFile(filepath.Join(dir, "scan", "truth.json"))
	if err == nil {
		err = json.Unmarshal(text, &truth)
	}
	if err == nil {
		text, err = json.Marshal(map[string]any{"nodules": append(truth.Nodules, json.RawMessage(outside))})
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "nodules.json"), text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// goldenText compares a text with a golden file, line by line.
func goldenText(t *testing.T, name, got string) {
	t.Helper()
	want, ok := goldenFile(t, name, []byte(got))
	if !ok {
		return
	}
	g, w := strings.Split(got, "\n"), strings.Split(string(want), "\n")
	differ := 0
	for i := range max(len(g), len(w)) {
		var a, b string
		if i < len(g) {
			a = g[i]
		}
		if i < len(w) {
			b = w[i]
		}
		if a != b {
			if differ++; differ <= 10 {
				t.Errorf("%s:%d:\n got %s\nwant %s", name, i+1, a, b)
			}
		}
	}
	if differ > 10 {
		t.Errorf("%s: %d lines differ", name, differ)
	}
}

// goldenJSON compares JSON documents, with the volatile fields of the golden
// file masked, field by field: names, order and kinds of the fields, strings,
// and numbers as they are written. Numbers may differ by goldenTolerance where
// a document says that it was computed with other instructions.
func goldenJSON(t *testing.T, name string, got []byte, volatile ...string) {
	t.Helper()
	g := maskJSON(t, got, volatile)
	var b bytes.Buffer
	writeTree(&b, g, "")
	b.WriteByte('\n')
	text, ok := goldenFile(t, name, b.Bytes())
	if !ok {
		return
	}
	w, err := readTree(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	tolerance := 0.0
	if here, there := machines(g), machines(w); !slices.Equal(here, there) {
		t.Logf("%s was computed by %v, this by %v: numbers may differ by %g", name, there, here, goldenTolerance)
		tolerance = goldenTolerance
	}
	differences := compareTrees(g, w, "", tolerance)
	for i, d := range differences {
		if i == 10 {
			t.Errorf("%s: %d differences", name, len(differences))
			break
		}
		t.Errorf("%s: %s", name, d)
	}
}

// goldenFile reads a golden file; with -golden-write it writes it and ok is
// false.
func goldenFile(t *testing.T, name string, got []byte) (want []byte, ok bool) {
	t.Helper()
	path := filepath.Join(goldenDir, name)
	if *goldenWrite {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
		return nil, false
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if *goldenProgram == "" {
		want = []byte(renamed.Replace(string(want)))
	}
	return want, true
}

// field is one member of a JSON object: objects are read as lists, which keep
// the order.
type field struct {
	name  string
	value any
}

func maskJSON(t *testing.T, text []byte, volatile []string) any {
	t.Helper()
	tree, err := readTree(text)
	if err != nil {
		t.Fatalf("not JSON: %v\n%s", err, text)
	}
	return maskTree(tree, "", append(volatile, "software", "intended_use", "time", "timings_ms", "traceparent"))
}

// maskTree replaces the values of named fields, whole, but for the structure
// of objects and lists.
func maskTree(v any, name string, volatile []string) any {
	all := slices.Contains(volatile, name)
	switch v := v.(type) {
	case []field:
		for i := range v {
			if all && !strings.HasPrefix(v[i].name, "model") && v[i].name != "digest" {
				v[i].value = maskTree(v[i].value, name, volatile)
				continue
			}
			inner := volatile
			if all {
				inner = append(slices.Clone(volatile), "score")
			}
			v[i].value = maskTree(v[i].value, v[i].name, inner)
		}
	case []any:
		for i := range v {
			v[i] = maskTree(v[i], name, volatile)
		}
	case string:
		if all {
			return masked
		}
		if name == "message" {
			return trailingCode.ReplaceAllString(v, "$2")
		}
	default:
		if all {
			return masked
		}
	}
	return v
}

// readTree reads JSON into []field, []any, string, json.Number, bool and nil.
func readTree(text []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	v, err := readValue(d)
	if err == nil {
		if _, more := d.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("something follows the document")
		}
	}
	return v, err
}

func readValue(d *json.Decoder) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		object := []field{}
		for d.More() {
			name, err := d.Token()
			if err != nil {
				return nil, err
			}
			v, err := readValue(d)
			if err != nil {
				return nil, err
			}
			object = append(object, field{name.(string), v})
		}
		_, err = d.Token()
		return object, err
	case json.Delim('['):
		list := []any{}
		for d.More() {
			v, err := readValue(d)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err = d.Token()
		return list, err
	}
	return token, nil
}

// writeTree writes a tree as indented JSON; short lists of numbers take a line.
func writeTree(b *bytes.Buffer, v any, indent string) {
	inner := indent + " "
	switch v := v.(type) {
	case []field:
		b.WriteString("{")
		for i, f := range v {
			if i > 0 {
				b.WriteString(",")
			}
			fmt.Fprintf(b, "\n%s%s: ", inner, quoteJSON(f.name))
			writeTree(b, f.value, inner)
		}
		b.WriteString("\n" + indent + "}")
	case []any:
		flat := !slices.ContainsFunc(v, func(e any) bool { _, number := e.(json.Number); return !number })
		b.WriteString("[")
		for i, e := range v {
			if i > 0 {
				b.WriteString(",")
			}
			if flat && i > 0 {
				b.WriteString(" ")
			} else if !flat {
				b.WriteString("\n" + inner)
			}
			writeTree(b, e, inner)
		}
		if !flat {
			b.WriteString("\n" + indent)
		}
		b.WriteString("]")
	default:
		b.WriteString(quoteJSON(v))
	}
}

func quoteJSON(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // of a tree that was read
	}
	return strings.TrimSpace(b.String())
}

// machines lists what computed a tree's scores.
func machines(v any) (names []string) {
	switch v := v.(type) {
	case []field:
		for _, f := range v {
			if machine, ok := f.value.([]field); ok && f.name == "computed_by" {
				for _, part := range machine {
					if part.name == "name" {
						names = append(names, fmt.Sprint(part.value))
					}
				}
			}
			names = append(names, machines(f.value)...)
		}
	case []any:
		for _, e := range v {
			names = append(names, machines(e)...)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// compareTrees lists differences by path.
func compareTrees(got, want any, path string, tolerance float64) (list []string) {
	differ := func(format string, args ...any) { list = append(list, path+": "+fmt.Sprintf(format, args...)) }
	switch w := want.(type) {
	case []field:
		g, ok := got.([]field)
		if names, wanted := fieldNames(g), fieldNames(w); !ok || !slices.Equal(names, wanted) {
			differ("fields %v, want %v", names, wanted)
		}
		for _, f := range w {
			for _, o := range g {
				if o.name == f.name && (tolerance == 0 || path[strings.LastIndexByte(path, '.')+1:] != "computed_by") {
					list = append(list, compareTrees(o.value, f.value, path+"."+f.name, tolerance)...)
				}
			}
		}
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			differ("%d elements, want %d", len(g), len(w))
		}
		for i := range min(len(g), len(w)) {
			list = append(list, compareTrees(g[i], w[i], fmt.Sprintf("%s[%d]", path, i), tolerance)...)
		}
	case json.Number:
		g, ok := got.(json.Number)
		a, errA := g.Float64()
		b, errB := w.Float64()
		if !ok || g != w && (errA != nil || errB != nil || math.Abs(a-b) > tolerance*math.Max(math.Abs(a), math.Abs(b))) {
			differ("%v, want %v", got, want)
		}
	default:
		if got != want {
			differ("%v, want %v", got, want)
		}
	}
	return list
}

func fieldNames(fields []field) (names []string) {
	for _, f := range fields {
		names = append(names, f.name)
	}
	return names
}

// intendedUseLine matches the last line of a table, which says what scores are
// for.
var intendedUseLine = regexp.MustCompile(`(?m)^.*[Dd]iagnosis.*$`)

func TestGoldenComparison(t *testing.T) {
	golden := `{"a": [1, 2.5], "b": {"c": "x", "computed_by": {"name": "avx512"}}, "time": "now"}`
	for text, want := range map[string]int{
		golden: 0,
		`{"a": [1, 2.5], "b": {"c": "x", "computed_by": {"name": "avx512"}}, "time": "later"}`:      0,
		`{"a": [1, 2.5000001], "b": {"c": "x", "computed_by": {"name": "avx512"}}, "time": "now"}`:  1,
		`{"a": [1, 2.50], "b": {"c": "x", "computed_by": {"name": "avx512"}}, "time": "now"}`:       0,
		`{"a": [1, 2.5000001], "b": {"c": "x", "computed_by": {"name": "avx2"}}, "time": "now"}`:    0,
		`{"a": [1, 2.6], "b": {"c": "x", "computed_by": {"name": "avx2"}}, "time": "now"}`:          1,
		`{"b": {"c": "x", "computed_by": {"name": "avx512"}}, "a": [1, 2.5], "time": "now"}`:        1,
		`{"a": [1], "b": {"c": "y", "computed_by": {"name": "avx512"}}, "time": "now"}`:             2,
		`{"a": ["1", null], "b": {"c": true, "computed_by": {"name": "avx512"}}, "time": "now"}`:    3,
		`{"a": [1, 2.5], "b": {"c": "x", "d": 1, "computed_by": {"name": "avx512"}}, "time": null}`: 1,
	} {
		g, w := maskJSON(t, []byte(text), nil), maskJSON(t, []byte(golden), nil)
		tolerance := 0.0
		if !slices.Equal(machines(g), machines(w)) {
			tolerance = goldenTolerance
		}
		if list := compareTrees(g, w, "", tolerance); len(list) != want {
			t.Errorf("%s: %d differences, want %d: %v", text, len(list), want, list)
		}
	}
	if _, err := readTree([]byte(`{} {}`)); err == nil {
		t.Error("two documents were taken for one")
	}
}
