package bus

import (
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/nodulescope/nodulescope/internal/coded"
)

// Limits of the other messages, for the whole message.
const (
	maxResultBytes = 4 << 20 // also the largest payload of the embedded server
	maxReviewBytes = 64 << 10
	maxLetterBytes = 512 << 10 // a dead letter: 64 KiB kept, base64, headers and envelope
)

// kind is one kind of message: how it is written, read and stored.
type kind[T any] struct {
	name    string // in the Op of errors
	typ     string // of the CloudEvent
	stream  string
	subject func(site string) (string, error)
	invalid Code      // of what check refuses
	limit   int       // bytes of the whole message
	settle  func(T) T // before it is checked, nil: nothing; what an earlier version wrote becomes what is written now
	check   func(T) (hint string)
}

var (
	results = kind[Result]{"result", TypeResult, StreamResults, resultSubject, CodeResultInvalid, maxResultBytes, nil, checkResult}
	reviews = kind[Review]{"review", TypeReview, StreamReviews, reviewSubject, CodeReviewInvalid, maxReviewBytes, Review.Migrated, checkReview}
	letters = kind[Dead]{"dead letter", TypeDead, StreamDead, deadSubject, CodeDeadInvalid, maxLetterBytes, nil, checkDead}
)

// EncodeResult writes r as a CloudEvent whose id is r.Identity.
func EncodeResult(source string, r Result, opts ...EventOption) ([]byte, error) {
	return results.encode(source, r.Identity, r, opts...)
}

// DecodeResult reads a result. Codes: message_too_large, not_json,
// not_cloudevent, wrong_type, unknown_schema_version, result_invalid.
func DecodeResult(data []byte) (Envelope, Result, error) { return results.decode(data) }

// encode writes v as a CloudEvent with this id.
func (k kind[T]) encode(source, id string, v T, opts ...EventOption) ([]byte, error) {
	op := "encode " + k.name
	v = k.settled(v)
	if hint := k.check(v); hint != "" {
		return nil, coded.New(k.invalid, op, hint, nil)
	}
	data, err := encode(op, k.typ, source, id, v, k.invalid, opts)
	if err == nil {
		err = k.checkSize(op, len(data))
	}
	if err != nil {
		return nil, err
	}
	return data, nil
}

// decode reads a message. Codes: message_too_large, not_json, not_cloudevent,
// wrong_type, unknown_schema_version and that of the kind. Where the envelope
// could be read it is returned beside the error.
func (k kind[T]) decode(data []byte) (env Envelope, v T, err error) {
	op := "decode " + k.name
	if err := k.checkSize(op, len(data)); err != nil {
		return env, v, err
	}
	env, payload, err := decode(op, k.typ, data)
	if err != nil {
		return env, v, err
	}
	var read T
	if err := unmarshal(op, payload, &read, k.invalid); err != nil {
		return env, v, err
	}
	read = k.settled(read)
	if hint := k.check(read); hint != "" {
		return env, v, coded.New(k.invalid, op, hint, nil)
	}
	return env, read, nil
}

func (k kind[T]) settled(v T) T {
	if k.settle == nil {
		return v
	}
	return k.settle(v)
}

func (k kind[T]) checkSize(op string, n int) error {
	if n > k.limit {
		return coded.New(CodeMessageTooLarge, op, fmt.Sprintf("%d bytes, at most %d", n, k.limit), nil)
	}
	return nil
}

func checkResult(r Result) (hint string) {
	switch {
	case !named(r.Identity, maxIDBytes):
		return fmt.Sprintf("identity must be 1 to %d printable bytes, not all of them blank", maxIDBytes)
	case len(r.Nodules) > MaxJobNodules:
		return fmt.Sprintf("%d nodules, at most %d", len(r.Nodules), MaxJobNodules)
	}
	return ""
}

func checkReview(r Review) (hint string) {
	switch {
	case r.Identity == "" || r.NoduleID == "" || r.Reviewer == "":
		return "identity, nodule_id and reviewer must not be empty"
	case !slices.Contains(Verdicts(), r.Verdict):
		return "verdict is \"suspicious\", \"benign\", \"not_nodule\" or \"unsure\""
	case (r.Verdict == NotNodule) != (r.Kind != ""):
		return "verdict \"not_nodule\" has a kind, and no other has one"
	case !utf8.ValidString(r.Comment + string(r.Kind) + r.Reason + r.Reviewer):
		return "comment, kind, reason and reviewer must be UTF-8"
	}
	return CheckDrawn(r.Outline, r.Distances)
}

func checkDead(d Dead) (hint string) {
	switch {
	case d.Code == "":
		return "code is missing"
	case len(d.Payload) > maxDeadBytes:
		return fmt.Sprintf("payload of %d bytes, at most %d are kept", len(d.Payload), maxDeadBytes)
	case d.Size < len(d.Payload):
		return "size is smaller than what was kept"
	}
	return ""
}
