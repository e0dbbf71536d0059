package web

import (
	"strings"
)

// mediaType takes a Content-Type apart: the kind and the names of parameters in
// lower case. It reads what servers send and mime.ParseMediaType refuses: a value
// with "/", "=" or other signs that want quotes (RFC 2045 section 5.1), such as
// type=application/dicom, and a parameter that comes twice with one value. ok is
// false where there is no kind, a quote has no end, or a parameter has two values.
func mediaType(header string) (kind string, parameters map[string]string, ok bool) {
	kind, rest, _ := strings.Cut(header, ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	major, minor, slash := strings.Cut(kind, "/")
	if !slash || !isToken(major) || !isToken(minor) {
		return "", nil, false
	}
	parameters = map[string]string{}
	for rest != "" {
		name, after, valued := strings.Cut(rest, "=")
		if end := strings.IndexByte(name, ';'); end >= 0 || !valued { // no value, such as behind a last ";"
			if end < 0 {
				break
			}
			rest = rest[end+1:]
			continue
		}
		value, next, ok := parameterValue(strings.TrimLeft(after, " \t"))
		name = strings.ToLower(strings.TrimSpace(name))
		if old, there := parameters[name]; !ok || there && old != value {
			return "", nil, false
		}
		parameters[name], rest = value, next
	}
	return kind, parameters, true
}

// parameterValue reads a value, quoted or up to the next ";".
func parameterValue(text string) (value, rest string, ok bool) {
	if !strings.HasPrefix(text, `"`) {
		value, rest, _ = strings.Cut(text, ";")
		return strings.TrimSpace(value), rest, true
	}
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			_, rest, _ = strings.Cut(text[i+1:], ";")
			return b.String(), rest, true
		case c == '\\' && i+1 < len(text):
			i++
			b.WriteByte(text[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", "", false
}

// isToken tells a token of RFC 2045.
func isToken(text string) bool {
	return text != "" && strings.IndexFunc(text, func(r rune) bool {
		return r <= ' ' || r > '~' || strings.ContainsRune(`()<>@,;:\"/[]?=`, r)
	}) < 0
}
