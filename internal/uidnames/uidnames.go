// Package uidnames finds the study, the series and the frame of reference that
// an object of JSON or an element of XML names, in every usual spelling of their
// names: a name that is not understood would let what belongs to another patient
// pass.
package uidnames

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
)

// What a UID is of.
const (
	Study  = "study_uid"
	Series = "series_uid"
	Frame  = "frame_of_reference_uid"
)

// spellings are names in lower case without the signs between their words.
var spellings = map[string]string{
	"studyuid": Study, "studyinstanceuid": Study, "studyinstanceid": Study, "dicomstudyuid": Study, "0020000d": Study,
	"seriesuid": Series, "seriesinstanceuid": Series, "seriesinstanceid": Series, "ctseriesinstanceuid": Series, "dicomseriesuid": Series, "0020000e": Series,
	"frameofreferenceuid": Frame, "frameofrefuid": Frame, "frameuid": Frame, "foruid": Frame, "00200052": Frame,
}

// loose are names that may hold something else: they count where they hold a UID.
var loose = map[string]string{
	"study": Study, "studyid": Study,
	"series": Series, "seriesid": Series, "seriesinstance": Series,
	"frameofreference": Frame, "frameofreferenceid": Frame,
}

// Of tells what the UID of that name is of: [Study], [Series] or [Frame]; empty
// for any other name. Case and the signs between words do not count.
func Of(name string) string { return spellings[plain(name)] }

func plain(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			return r
		}
		return -1
	}, name)
}

// UIDs are what an object names; empty where it names none.
type UIDs struct{ Study, Series, Frame string }

// In reads the UIDs that an object of JSON names. A null or an empty text names
// none. Anything but an object names none.
//
// Every key may come once, and the known ones in their own case: encoding/json
// takes the last of several, in any case. That, a UID that is no text, and two names that
// say different things are refused by an error that holds no value of the object
// and no key that is not known.
func In(object []byte, known ...string) (u UIDs, err error) {
	dec := json.NewDecoder(bytes.NewReader(object))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return u, err
	}
	seen := map[string]bool{}
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return u, err
		}
		key, _ := token.(string)
		i := slices.IndexFunc(known, func(k string) bool { return strings.EqualFold(k, key) })
		switch {
		case i >= 0 && known[i] != key:
			return u, errors.New("the key " + known[i] + " is written in another case")
		case seen[key] && (i >= 0 || Of(key) != ""):
			return u, errors.New("the key " + key + " comes twice")
		case seen[key]:
			return u, errors.New("a key comes twice")
		}
		seen[key] = true
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return u, err
		}
		if err := u.Take(key, value); err != nil {
			return u, err
		}
	}
	return u, nil
}

// Take takes the UID under one key of an object; see [In].
func (u *UIDs) Take(key string, value json.RawMessage) error {
	what, sure := Of(key), true
	if what == "" {
		what, sure = loose[plain(key)], false
	}
	if what == "" {
		return nil
	}
	var text *string
	if err := json.Unmarshal(value, &text); err != nil {
		if !sure {
			return nil
		}
		return errors.New("the UID under " + what + " or another name of it has the wrong type")
	}
	if text == nil {
		return nil
	}
	uid := strings.Trim(*text, " \t\r\n\x00")
	if uid == "" || !sure && !isUID(uid) {
		return nil
	}
	to := map[string]*string{Study: &u.Study, Series: &u.Series, Frame: &u.Frame}[what]
	if *to != "" && *to != uid {
		return errors.New("two names of " + what + " hold different UIDs")
	}
	*to = uid
	return nil
}

// isUID tells a UID from a number or a description.
func isUID(s string) bool {
	return strings.Count(s, ".") >= 2 && strings.Trim(s, "0123456789.") == ""
}
