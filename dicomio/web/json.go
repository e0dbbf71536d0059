package web

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// Dataset is a record in the DICOM JSON model (PS3.18 annex F): tag
// (group<<16 | element) to element. Binary values are left out.
type Dataset map[uint32]Element

// Element is one element of a record.
type Element struct {
	VR     string
	Values []string  // numbers as they were written; of a person name the alphabetic group
	Items  []Dataset // of a sequence
}

// Text returns the first value of an element without the spaces around it, and
// "" where there is none.
func (d Dataset) Text(tag uint32) string {
	if v := d[tag].Values; len(v) > 0 {
		return strings.Trim(v[0], " \x00")
	}
	return ""
}

// Int returns the first value of an element as a number.
func (d Dataset) Int(tag uint32) (int, bool) {
	n, err := strconv.Atoi(d.Text(tag))
	return n, err == nil
}

const (
	maxRecordElements = 1 << 13
	maxItemDepth      = 4 // sequences below are left out
	maxValueCount     = 1 << 10
)

var errModel = errors.New("not the DICOM JSON model")

// checkJSON wants the media type of DICOM JSON.
func checkJSON(op string, h http.Header) error {
	kind, _, ok := mediaType(h.Get("Content-Type"))
	if !ok || kind != "application/dicom+json" && kind != "application/json" {
		return broken(op, "the PACS did not answer in DICOM JSON, which was asked for", nil)
	}
	return nil
}

// readRecords reads an array of records and hands over one after the other,
// with the elements that keep wants. An error of each ends it.
func readRecords(r io.Reader, keep func(tag uint32) bool, each func(Dataset) error) error {
	text := bufio.NewReader(r)
	if mark, err := text.Peek(3); err == nil && string(mark) == "\xef\xbb\xbf" {
		_, _ = text.Discard(3) // a mark of the order of bytes, which UTF-8 does not need
	}
	dec := json.NewDecoder(text)
	if err := want(dec, json.Delim('[')); err != nil {
		return err
	}
	for dec.More() {
		d, err := readRecord(dec, keep)
		if err != nil {
			return err
		}
		if err := each(d); err != nil {
			return err
		}
	}
	return want(dec, json.Delim(']'))
}

// readRecord reads one object. Elements that are not wanted are stepped over.
func readRecord(dec *json.Decoder, keep func(tag uint32) bool) (Dataset, error) {
	if err := want(dec, json.Delim('{')); err != nil {
		return nil, err
	}
	d := Dataset{}
	var raw json.RawMessage
	for n := 0; dec.More(); n++ {
		key, err := dec.Token()
		if err != nil {
			return nil, err
		}
		if n == maxRecordElements {
			return nil, fmt.Errorf("%w: a record has too many elements", errModel)
		}
		raw = raw[:0]
		if err := dec.Decode(&raw); err != nil {
			return nil, err
		}
		name, _ := key.(string)
		tag, err := strconv.ParseUint(name, 16, 32)
		if err != nil || len(name) != 8 || !keep(uint32(tag)) {
			continue
		}
		if _, there := d[uint32(tag)]; there {
			return nil, fmt.Errorf("%w: an element comes twice", errModel)
		}
		if d[uint32(tag)], err = readElement(raw, maxItemDepth); err != nil {
			return nil, err
		}
	}
	return d, want(dec, json.Delim('}'))
}

func want(dec *json.Decoder, delim json.Delim) error {
	t, err := dec.Token()
	if err != nil {
		return err
	}
	if t != delim {
		return fmt.Errorf("%w: no %v where one is due", errModel, delim)
	}
	return nil
}

// readElement reads the values of an element, and items down to depth.
func readElement(raw []byte, depth int) (Element, error) {
	var model struct {
		VR    string            `json:"vr"`
		Value []json.RawMessage `json:"Value"`
	}
	if err := json.Unmarshal(raw, &model); err != nil {
		return Element{}, fmt.Errorf("%w: %w", errModel, err)
	}
	if len(model.VR) > 2 || len(model.Value) > maxValueCount && model.VR != "SQ" || len(model.Value) > 64*maxValueCount {
		return Element{}, fmt.Errorf("%w: an element has too many values", errModel)
	}
	e := Element{VR: model.VR}
	for _, v := range model.Value {
		if model.VR == "SQ" {
			if depth == 0 {
				return e, nil
			}
			item, err := readItem(v, depth-1)
			if err != nil {
				return e, err
			}
			e.Items = append(e.Items, item)
			continue
		}
		text, err := readValue(v)
		if err != nil {
			return e, err
		}
		e.Values = append(e.Values, text)
	}
	return e, nil
}

func readItem(raw []byte, depth int) (Dataset, error) {
	var model map[string]json.RawMessage
	if err := json.Unmarshal(raw, &model); err != nil || len(model) > maxRecordElements {
		return nil, fmt.Errorf("%w: an item of a sequence is no object", errModel)
	}
	d := Dataset{}
	for name, value := range model {
		tag, err := strconv.ParseUint(name, 16, 32)
		if err != nil || len(name) != 8 {
			continue
		}
		if d[uint32(tag)], err = readElement(value, depth); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// readValue takes strings, numbers, null and person names (PS3.18 F.2.4). Some
// servers write decimal strings as numbers, others as strings, and both are
// allowed; a whole number that is written with a point loses it.
func readValue(raw []byte) (string, error) {
	raw = bytes.TrimSpace(raw)
	switch {
	case len(raw) == 0 || string(raw) == "null":
		return "", nil
	case raw[0] == '"':
		var text string
		err := json.Unmarshal(raw, &text)
		return text, err
	case raw[0] == '{':
		var name struct{ Alphabetic string }
		if err := json.Unmarshal(raw, &name); err != nil {
			return "", fmt.Errorf("%w: %w", errModel, err)
		}
		return name.Alphabetic, nil
	case raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9':
		text := string(raw)
		if f, err := strconv.ParseFloat(text, 64); err == nil && strings.ContainsAny(text, ".eE") && f == float64(int64(f)) {
			return strconv.FormatInt(int64(f), 10), nil
		}
		return text, nil
	}
	return "", fmt.Errorf("%w: a value is neither text nor number", errModel)
}

// readAnswer reads a record that stands alone, or as the only one of an array.
func readAnswer(r io.Reader) (Dataset, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	text = bytes.TrimSpace(text)
	if len(text) > 0 && text[0] == '{' {
		return readItem(text, maxItemDepth)
	}
	var first Dataset
	err = readRecords(bytes.NewReader(text), all, func(d Dataset) error {
		if first == nil {
			first = d
		}
		return nil
	})
	return first, err
}
