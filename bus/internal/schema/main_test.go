package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/nodulescope/nodulescope/bus"
)

const (
	root = "../../.."
	kept = root + "/docs/schema"
)

func TestSchemasAreUpToDate(t *testing.T) {
	files, err := schemas()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(kept, name))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("docs/schema/%s is not what the structs of package bus say (%v): run 'go generate ./bus/internal/schema'", name, err)
		}
	}
	dir := t.TempDir()
	if err := write(dir); err != nil {
		t.Fatal(err)
	}
	if written, err := os.ReadDir(dir); err != nil || len(written) != len(files) {
		t.Errorf("%d files written of %d (%v)", len(written), len(files), err)
	}
}

// compiled are the schemas by type of the event.
func compiled(t *testing.T) map[string]*jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	out := map[string]*jsonschema.Schema{}
	for typ, name := range map[string]string{bus.TypeJob: "job", bus.TypeResult: "result", bus.TypeReview: "review", bus.TypeDead: "dead"} {
		s, err := c.Compile(filepath.Join(kept, name+".v1.json"))
		if err != nil {
			t.Fatal(err)
		}
		out[typ] = s
	}
	return out
}

func decoded(t *testing.T, message []byte) map[string]any {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(message))
	if err != nil {
		t.Fatalf("%v in %.200s", err, message)
	}
	return v.(map[string]any)
}

// TestExamplesAreValid checks every message in the documents.
func TestExamplesAreValid(t *testing.T) {
	schemas := compiled(t)
	pages, err := filepath.Glob(root + "/docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[any]int{}
	for _, page := range append(pages, root+"/README.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile("(?s)```json\n(.*?)```").FindAllSubmatch(text, -1) {
			if !strings.Contains(string(m[1]), `"specversion"`) {
				continue
			}
			v := decoded(t, m[1])
			typ, _ := v["type"].(string)
			if schemas[typ] == nil {
				t.Errorf("%s: a message of type %q", page, typ)
				continue
			}
			if err := schemas[typ].Validate(v); err != nil {
				t.Errorf("%s: %v", page, err)
			}
			seen[typ]++
		}
	}
	if seen[bus.TypeJob] == 0 || seen[bus.TypeResult] == 0 {
		t.Errorf("examples %v: want a job and a result", seen)
	}
}

// TestMessagesAreValid checks what the encoders write, and that what bus
// refuses when one value is of another type or gone, the schema refuses too.
func TestMessagesAreValid(t *testing.T) {
	schemas := compiled(t)
	for typ, message := range messages(t) {
		v := decoded(t, message)
		if err := schemas[typ].Validate(v); err != nil {
			t.Errorf("%s: %v", typ, err)
		}
		refused := 0
		change(v, func(at string) {
			b, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			if decode(typ, b) == nil {
				return
			}
			refused++
			if schemas[typ].Validate(v) == nil {
				t.Errorf("%s: bus refuses a changed %s, the schema does not", typ, at)
			}
		})
		if refused < 10 {
			t.Errorf("%s: bus refused only %d changes: the test shows nothing", typ, refused)
		}
	}
}

func decode(typ string, b []byte) (err error) {
	switch typ {
	case bus.TypeJob:
		_, _, err = bus.DecodeJob(b)
	case bus.TypeResult:
		_, _, err = bus.DecodeResult(b)
	case bus.TypeReview:
		err = payload(b, &bus.Review{})
	case bus.TypeDead:
		err = payload(b, &bus.Dead{})
	}
	return err
}

// payload reads the data of a message as package bus does, which keeps the
// readers of reviews and dead letters to itself.
func payload(b []byte, into any) error {
	var e struct{ Data json.RawMessage }
	if err := json.Unmarshal(b, &e); err != nil {
		return err
	}
	return json.Unmarshal(e.Data, into)
}

// change gives every value of an object, one after the other, other types,
// calls tried, and puts the value back.
func change(v any, tried func(at string)) {
	switch v := v.(type) {
	case map[string]any:
		for name, was := range v {
			for _, other := range []any{"text", json.Number("1.5"), true, map[string]any{"a": "b"}, []any{map[string]any{}}} {
				v[name] = other
				tried(name)
			}
			delete(v, name)
			tried(name)
			v[name] = was
			change(was, func(at string) { tried(name + "." + at) })
		}
	case []any:
		for i := range v {
			change(v[i], tried)
		}
	}
}
