package bus

import (
	"fmt"
	"unicode/utf8"
)

// Limits of the other messages, for the whole message.
const (
	MaxResultBytes = 4 << 20 // also the largest payload of the embedded server
	MaxReviewBytes = 64 << 10
	MaxLetterBytes = 512 << 10 // a dead letter: 64 KiB kept, base64, headers and envelope
)

// EncodeResult writes r as a CloudEvent whose id is r.Identity.
func EncodeResult(source string, r Result, opts ...EventOption) ([]byte, error) {
	const op = "encode result"
	if err := checkResult(op, r); err != nil {
		return nil, err
	}
	return encodeLimited(op, TypeResult, source, r.Identity, r, CodeResultInvalid, MaxResultBytes, opts)
}

// DecodeResult reads a result. Codes: message_too_large, not_json,
// not_cloudevent, wrong_type, unknown_schema_version, result_invalid.
func DecodeResult(data []byte) (Envelope, Result, error) {
	const op = "decode result"
	var r Result
	env, err := decodeLimited(op, TypeResult, data, &r, CodeResultInvalid, MaxResultBytes)
	if err == nil {
		err = checkResult(op, r)
	}
	if err != nil {
		return env, Result{}, err
	}
	return env, r, nil
}

func checkResult(op string, r Result) error {
	switch {
	case r.Identity == "" || len(r.Identity) > maxIDBytes || !printable(r.Identity):
		return refuse(CodeResultInvalid, op, fmt.Sprintf("identity must be 1 to %d printable bytes", maxIDBytes), nil)
	case len(r.Nodules) > MaxJobNodules:
		return refuse(CodeResultInvalid, op, fmt.Sprintf("%d nodules, at most %d", len(r.Nodules), MaxJobNodules), nil)
	}
	return nil
}

// EncodeReview writes a decision as a CloudEvent. The id names the decision:
// result, nodule, reviewer and version.
func EncodeReview(source string, r Review, opts ...EventOption) ([]byte, error) {
	const op = "encode review"
	if err := checkReview(op, r); err != nil {
		return nil, err
	}
	return encodeLimited(op, TypeReview, source, reviewID(r), r, CodeReviewInvalid, MaxReviewBytes, opts)
}

// DecodeReview reads a decision. Codes: message_too_large, not_json,
// not_cloudevent, wrong_type, unknown_schema_version, review_invalid.
func DecodeReview(data []byte) (Envelope, Review, error) {
	const op = "decode review"
	var r Review
	env, err := decodeLimited(op, TypeReview, data, &r, CodeReviewInvalid, MaxReviewBytes)
	if err == nil {
		err = checkReview(op, r)
	}
	if err != nil {
		return env, Review{}, err
	}
	return env, r, nil
}

func reviewID(r Review) string {
	return digest(r.Identity, r.NoduleID, r.Reviewer, fmt.Sprint(r.Version))
}

func checkReview(op string, r Review) error {
	hint := ""
	switch {
	case r.Identity == "" || r.NoduleID == "" || r.Reviewer == "":
		hint = "identity, nodule_id and reviewer must not be empty"
	case r.Decision != "accept" && r.Decision != "reject" && r.Decision != "unsure":
		hint = "decision is \"accept\", \"reject\" or \"unsure\""
	case !utf8.ValidString(r.Comment + r.Reason + r.Reviewer):
		hint = "comment, reason and reviewer must be UTF-8"
	default:
		return nil
	}
	return refuse(CodeReviewInvalid, op, hint, nil)
}

// EncodeDead writes a dead letter as a CloudEvent.
func EncodeDead(source, id string, d Dead, opts ...EventOption) ([]byte, error) {
	const op = "encode dead letter"
	if err := checkDead(op, d); err != nil {
		return nil, err
	}
	return encodeLimited(op, TypeDead, source, id, d, CodeDeadInvalid, MaxLetterBytes, opts)
}

// DecodeDead reads a dead letter. Codes: message_too_large, not_json,
// not_cloudevent, wrong_type, unknown_schema_version, dead_invalid.
func DecodeDead(data []byte) (Envelope, Dead, error) {
	const op = "decode dead letter"
	var d Dead
	env, err := decodeLimited(op, TypeDead, data, &d, CodeDeadInvalid, MaxLetterBytes)
	if err == nil {
		err = checkDead(op, d)
	}
	if err != nil {
		return env, Dead{}, err
	}
	return env, d, nil
}

func checkDead(op string, d Dead) error {
	hint := ""
	switch {
	case d.Code == "":
		hint = "code is missing"
	case len(d.Payload) > MaxDeadBytes:
		hint = fmt.Sprintf("payload of %d bytes, at most %d are kept", len(d.Payload), MaxDeadBytes)
	case d.Size < len(d.Payload):
		hint = "size is smaller than what was kept"
	default:
		return nil
	}
	return refuse(CodeDeadInvalid, op, hint, nil)
}

func encodeLimited(op, typ, source, id string, v any, invalid Code, limit int, opts []EventOption) ([]byte, error) {
	data, err := encode(op, typ, source, id, v, invalid, opts)
	if err == nil {
		err = checkSize(op, len(data), limit)
	}
	if err != nil {
		return nil, err
	}
	return data, nil
}

func decodeLimited(op, typ string, data []byte, into any, invalid Code, limit int) (Envelope, error) {
	if err := checkSize(op, len(data), limit); err != nil {
		return Envelope{}, err
	}
	env, payload, err := decode(op, typ, data)
	if err != nil {
		return env, err
	}
	return env, unmarshal(op, payload, into, invalid)
}

func checkSize(op string, n, limit int) error {
	if n > limit {
		return refuse(CodeMessageTooLarge, op, fmt.Sprintf("%d bytes, at most %d", n, limit), nil)
	}
	return nil
}
