package review

import (
	"net/url"
	"testing"
)

func FuzzParseQuery(f *testing.F) {
	f.Add("state=scored,done&sort=time&limit=3&flagged=true")
	f.Add("min_probability=1e309&offset=-0")
	f.Fuzz(func(t *testing.T, text string) {
		v, err := url.ParseQuery(text)
		if err != nil {
			return
		}
		q, err := parseQuery(v)
		if err == nil && (q.Limit < 1 || q.Limit > maxRows || q.Offset < 0 || q.MinProbability < 0 || q.MinProbability > 1) {
			t.Errorf("%+v", q)
		}
	})
}
