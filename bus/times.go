package bus

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"time"
)

// timeForm says what a time must be (RFC 3339).
const timeForm = "must be a text with date, time and zone, such as 2026-01-31T08:00:00Z or 2026-01-31T09:00:00+01:00"

// errTime is about the time of an event.
var errTime = errors.New("attribute time " + timeForm)

func badTime(v json.RawMessage) bool {
	var t *time.Time
	return json.Unmarshal(v, &t) != nil
}

// badTimeField names the field of an object, as the struct behind into has it,
// that must be a time and is none; "" where there is no such.
func badTimeField(payload []byte, into any) string {
	var fields map[string]json.RawMessage
	if json.Unmarshal(payload, &fields) != nil {
		return ""
	}
	of := reflect.TypeOf(into).Elem()
	for of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	if of.Kind() != reflect.Struct {
		return ""
	}
	for i := range of.NumField() {
		f := of.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Type != reflect.TypeFor[time.Time]() && f.Type != reflect.TypeFor[*time.Time]() {
			continue
		}
		if v, ok := fields[name]; ok && badTime(v) {
			return name
		}
	}
	return ""
}
