package main

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/invopop/jsonschema"

	"github.com/nodulescope/nodulescope/bus"
)

const uidPattern = `^[0-9.]{1,64}$` // DICOM PS3.5 section 9.1

// bound adds what bus checks and the types of Go do not say, and lets null
// stand where encoding/json writes it.
func bound(s *jsonschema.Schema) {
	field := func(definition, name string) *jsonschema.Schema {
		d := s.Definitions[definition]
		if d == nil {
			return &jsonschema.Schema{} // not in this message
		}
		p, ok := d.Properties.Get(name)
		if !ok {
			panic(fmt.Sprintf("schema: %s has no field %s", definition, name))
		}
		return p
	}
	nodules := uint64(bus.MaxJobNodules)
	one := uint64(1)

	for _, name := range []string{"series_uid", "study_uid", "frame_of_reference_uid"} {
		field("Job", name).Pattern = uidPattern
		field("JobNodule", name).Pattern = uidPattern
	}
	uri := field("Job", "uri")
	uri.Pattern, uri.Description = `^(file://(localhost)?/|https?://[^/@]+(/|$))`, "file:///folder, or http(s)://host/... (DICOMweb) without credentials"
	field("Job", "nodules").MaxItems = &nodules
	field("Job", "priority").Enum = []any{bus.PriorityStat, bus.PriorityRoutine}
	id, longest := field("JobNodule", "id"), uint64(128)
	id.MinLength, id.MaxLength = &one, &longest
	if p := field("JobNodule", "position_lps_mm"); p.Items != nil {
		p.Items.Minimum, p.Items.Maximum = number(-5000), number(5000)
	}
	d := field("JobNodule", "diameter_mm")
	d.Minimum, d.Maximum = number(0), number(1000)

	field("Result", "identity").MinLength = &one
	field("Result", "nodules").MaxItems = &nodules
	for _, name := range []string{"models", "nodules"} {
		orNull(field("Result", name))
	}
	orNull(field("NoduleScore", "probability"))
	for _, name := range []string{"mean_hu", "sd_hu", "mean_uncertainty_hu", "eroded_mean_hu"} {
		orNull(field("Measurements", name))
	}

	field("Review", "decision").Enum = []any{"accept", "reject", "unsure"}
	for _, v := range bus.Verdicts() {
		verdict := field("Review", "verdict")
		verdict.Enum = append(verdict.Enum, v)
	}
	for _, name := range []string{"identity", "nodule_id", "reviewer"} {
		field("Review", name).MinLength = &one
	}
	field("Dead", "code").MinLength = &one
	orNull(field("Dead", "payload"))
	field("Dead", "sequence").Minimum = number(0)
	field("Dead", "size").Minimum = number(0)
}

func number(n int) json.Number { return json.Number(strconv.Itoa(n)) }

// orNull lets null stand for s as well.
func orNull(s *jsonschema.Schema) {
	value := *s
	value.Description = ""
	*s = jsonschema.Schema{Description: s.Description, AnyOf: []*jsonschema.Schema{&value, {Type: "null"}}}
}
