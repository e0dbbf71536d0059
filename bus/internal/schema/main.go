// Command schema writes the JSON Schema of every message of the bus into a
// folder, made of the structs of package bus and their comments:
//
//	go generate ./bus/internal/schema
//
// A schema describes a whole message: the CloudEvent and its data. Fields that
// it does not name are ignored, as bus ignores them. What cannot be said in a
// schema (no two nodules of a job share an id, a size in bytes) is checked by
// bus alone.
package main

//go:generate go run . ../../../docs/schema

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/invopop/jsonschema"

	"github.com/nodulescope/nodulescope/bus"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "schema: name the folder to write to")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "schema:", err)
		os.Exit(1)
	}
}

func write(dir string) error {
	files, err := schemas()
	if err != nil {
		return err
	}
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil { //nolint:gosec // public
			return err
		}
	}
	return nil
}

// schemas are the files by name.
func schemas() (map[string][]byte, error) {
	files := map[string][]byte{}
	for name, m := range map[string]struct {
		typ, title string
		data       any
	}{
		"job.v1.json":    {bus.TypeJob, "Job: the nodule candidates of one series to be scored", bus.Job{}},
		"result.v1.json": {bus.TypeResult, "Result: the scores of the nodules of one job", bus.Result{}},
		"review.v1.json": {bus.TypeReview, "Review: a radiologist's decision on one nodule", bus.Review{}},
		"dead.v1.json":   {bus.TypeDead, "Dead letter: a message that could not be scored", bus.Dead{}},
	} {
		r := jsonschema.Reflector{AllowAdditionalProperties: true, Anonymous: true}
		// The walk from here to the folder of a package gives its import path.
		for _, dir := range []string{filepath.Join("..", ".."), filepath.Join("..", "..", "..", "nodule", "measure")} {
			if err := r.AddGoComments("github.com/nodulescope/nodulescope/bus/internal/schema", dir); err != nil {
				return nil, err
			}
		}
		s := event(m.typ, m.title, r.Reflect(m.data))
		bound(s)
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		if err := e.Encode(s); err != nil {
			return nil, err
		}
		files[name] = b.Bytes()
	}
	return files, nil
}

// event is the schema of a CloudEvent with this data, whose definitions move to
// the top.
func event(typ, title string, data *jsonschema.Schema) *jsonschema.Schema {
	text := func(description string, most uint64) *jsonschema.Schema {
		s := &jsonschema.Schema{Type: "string", Description: description}
		if most > 0 {
			least := uint64(1)
			s.MinLength, s.MaxLength = &least, &most
		}
		return s
	}
	p := jsonschema.NewProperties()
	p.Set("specversion", &jsonschema.Schema{Const: "1.0"})
	p.Set("type", &jsonschema.Schema{Const: typ})
	p.Set("source", text("URI reference of the sender, such as /detector/ct-3", 512))
	p.Set("id", text("unique for a source", 256))
	p.Set("time", &jsonschema.Schema{Type: "string", Format: "date-time"})
	p.Set("datacontenttype", &jsonschema.Schema{Const: "application/json"})
	p.Set("traceparent", text("W3C trace context", 0))
	p.Set("tracestate", text("W3C trace context", 0))
	p.Set("data", &jsonschema.Schema{Ref: data.Ref})
	return &jsonschema.Schema{Version: jsonschema.Version, Title: title, Type: "object", Properties: p,
		Required: []string{"specversion", "type", "source", "id", "data"}, Definitions: data.Definitions}
}
