package bus

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/nodulescope/nodulescope/internal/coded"
)

// contentType of every message: CloudEvents 1.0, structured mode, JSON.
const contentType = "application/cloudevents+json"

const (
	extTraceParent = "traceparent"
	extTraceState  = "tracestate"
	maxIDBytes     = 256
	maxSourceBytes = 512
)

// Envelope is the context of a CloudEvent. (Source, ID) names it.
type Envelope struct {
	ID          string
	Source      string // URI reference, such as "/detector/ct-3"
	Type        string // such as [TypeJob]
	Time        time.Time
	TraceParent string // W3C traceparent; a new one where the event had none or a broken one
	TraceState  string
	Sequence    uint64 // in the stream that it was read from, 0 where it was decoded from bytes
}

// EventOption sets what an encoder would otherwise choose.
type EventOption func(*Envelope)

// WithTraceParent continues a W3C trace. A value that is not valid is replaced
// by a new trace.
func WithTraceParent(traceparent string) EventOption {
	return func(e *Envelope) { e.TraceParent = traceparent }
}

// WithTraceState sets the W3C tracestate.
func WithTraceState(tracestate string) EventOption {
	return func(e *Envelope) { e.TraceState = tracestate }
}

// WithTime sets the time of the event (default: now).
func WithTime(t time.Time) EventOption { return func(e *Envelope) { e.Time = t } }

// encode writes a structured CloudEvent; invalid is the code for a payload
// that JSON cannot hold.
func encode(op, typ, source, id string, data any, invalid Code, opts []EventOption) ([]byte, error) {
	env := Envelope{Time: time.Now()}
	for _, o := range opts {
		o(&env)
	}
	if !validTraceParent(env.TraceParent) {
		env.TraceParent = newTraceParent()
	}
	if hint := badName(id, source); hint != "" {
		return nil, coded.New(CodeNotCloudEvent, op, hint, nil)
	}
	e := event.New()
	e.SetID(id)
	e.SetSource(source)
	e.SetType(typ)
	e.SetTime(env.Time)
	e.SetExtension(extTraceParent, env.TraceParent)
	if env.TraceState != "" {
		e.SetExtension(extTraceState, env.TraceState)
	}
	if err := e.SetData(event.ApplicationJSON, data); err != nil {
		return nil, coded.New(invalid, op, "a number is not finite or a text is not UTF-8", err)
	}
	if err := e.Validate(); err != nil {
		return nil, coded.New(CodeNotCloudEvent, op, "id and source must be those of a CloudEvent", err)
	}
	out, err := json.Marshal(e)
	if err != nil {
		return nil, coded.New(CodeNotCloudEvent, op, "not encodable", err)
	}
	return out, nil
}

// badName says what is wrong with the id or the source of an event.
func badName(id, source string) string {
	switch {
	case !named(id, maxIDBytes):
		return fmt.Sprintf("id must be 1 to %d printable bytes, not all of them blank", maxIDBytes)
	case !named(source, maxSourceBytes):
		return fmt.Sprintf("source must be a URI reference of 1 to %d printable bytes", maxSourceBytes)
	}
	return ""
}

// named says whether s can name something: a CloudEvent takes blanks alone for
// nothing.
func named(s string, most int) bool {
	return strings.TrimSpace(s) != "" && len(s) <= most && printable(s)
}

func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// decode reads a structured CloudEvent of type want and returns its payload.
// What goes wrong is told by code, never by quoting the message.
func decode(op, want string, data []byte) (env Envelope, payload []byte, err error) {
	if !json.Valid(data) {
		return Envelope{}, nil, coded.New(CodeNotJSON, op, "the message is not JSON", nil)
	}
	e, payload, err := readEvent(data)
	if err == nil {
		err = e.Validate()
	}
	if err == nil && e.SpecVersion() != event.CloudEventsVersionV1 {
		err = errors.New("specversion must be 1.0")
	}
	if errors.Is(err, errTime) {
		return Envelope{}, nil, coded.New(CodeNotCloudEvent, op, errTime.Error(), nil)
	}
	if err != nil {
		return Envelope{}, nil, coded.New(CodeNotCloudEvent, op, "send a CloudEvent 1.0 in structured JSON", quiet(err))
	}
	env = Envelope{
		ID: e.ID(), Source: e.Source(), Type: e.Type(), Time: e.Time(),
		TraceParent: extension(e, extTraceParent), TraceState: extension(e, extTraceState),
	}
	if hint := badName(env.ID, env.Source); hint != "" {
		return Envelope{}, nil, coded.New(CodeNotCloudEvent, op, hint, nil)
	}
	if !validTraceParent(env.TraceParent) {
		env.TraceParent, env.TraceState = newTraceParent(), ""
	}
	if env.Type != want {
		family := want[:strings.LastIndexByte(want, '.')+1] // "org.nodulescope.job."
		if strings.HasPrefix(env.Type, family) {
			return env, nil, coded.New(CodeSchemaVersion, op, "only "+want+" is understood here", nil)
		}
		return env, nil, coded.New(CodeWrongType, op, "the type of this event must be "+want, nil)
	}
	return env, payload, nil
}

// readEvent gives the SDK's reader the attributes that are known here and
// keeps the payload from it: it is no strict reader of JSON, takes a number
// beyond float64 for a malformed event, and panics where data_base64 is a
// number of one digit.
func readEvent(data []byte) (e event.Event, payload []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errors.New("malformed attribute")
		}
	}()
	var all map[string]json.RawMessage
	if err := json.Unmarshal(data, &all); err != nil {
		return e, nil, err
	}
	known := make(map[string]json.RawMessage, len(all))
	for _, name := range []string{"specversion", "id", "source", "type", "subject", "time", "datacontenttype",
		"dataschema", "data_base64", extTraceParent, extTraceState} {
		if v, ok := all[name]; ok {
			known[name] = v
		}
	}
	if v, ok := known["time"]; ok && badTime(v) {
		return e, nil, errTime
	}
	attributes, err := json.Marshal(known)
	if err != nil {
		return e, nil, err
	}
	if err := e.UnmarshalJSON(attributes); err != nil {
		return e, nil, err
	}
	if payload, ok := all["data"]; ok {
		return e, payload, nil
	}
	return e, e.Data(), nil
}

// quiet keeps the names of the attributes that failed and drops their values.
func quiet(err error) error {
	var fields event.ValidationError
	if !errors.As(err, &fields) {
		return errors.New("an attribute is missing or malformed")
	}
	for _, name := range []string{"specversion", "id", "source", "type", "time", "dataschema", "datacontenttype", "subject"} {
		if _, bad := fields[name]; bad {
			return fmt.Errorf("attribute %s is missing or malformed", name)
		}
	}
	return errors.New("an extension attribute is malformed")
}

func extension(e event.Event, name string) string {
	s, _ := e.Extensions()[name].(string)
	if len(s) > 512 || !printable(s) {
		return ""
	}
	return s
}

// unmarshal reads a payload; unknown fields are ignored.
func unmarshal(op string, payload []byte, into any, invalid Code) error {
	if len(payload) == 0 {
		return coded.New(invalid, op, "the event has no data", nil)
	}
	err := json.Unmarshal(payload, into)
	var field *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &field):
		return coded.New(invalid, op, "field "+field.Field+" must be of type "+field.Type.String(), nil)
	case badTimeField(payload, into) != "":
		return coded.New(invalid, op, "field "+badTimeField(payload, into)+" "+timeForm, nil)
	default:
		return coded.New(invalid, op, "the data of the event is not a JSON object", nil)
	}
}
