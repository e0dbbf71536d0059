package bus

import (
	"bytes"
	"encoding/json"
	"testing"
)

// fuzzDecoder holds what every decoder promises: no panic, an error with a
// code or a message that can be encoded and decoded to the same again.
func fuzzDecoder[T any](f *testing.F, decode func([]byte) (Envelope, T, error), encode func(Envelope, T) ([]byte, error)) {
	f.Fuzz(func(t *testing.T, data []byte) {
		env, v, err := decode(bytes.Clone(data))
		if err != nil {
			if CodeOf(err) == "" {
				t.Fatalf("error without a code: %v", err)
			}
			return
		}
		again, err := encode(env, v)
		if CodeOf(err) == CodeJobTooLarge || CodeOf(err) == CodeMessageTooLarge {
			return // escaping may take it over the limit
		}
		if err != nil {
			t.Fatalf("decoded, but not encodable: %v", err)
		}
		_, w, err := decode(again)
		if err != nil {
			t.Fatalf("encoded, but not decodable: %v", err)
		}
		a, _ := json.Marshal(v)
		b, _ := json.Marshal(w)
		if !bytes.Equal(a, b) {
			t.Fatalf("changed on the way\n%s\n%s", a, b)
		}
	})
}

func FuzzDecodeJob(f *testing.F) {
	f.Add(jobText("a", "a"))
	f.Add(jobText(`"data":{`, `"data_base64":1,"x":{`))
	f.Add([]byte(`{"specversion":"1.0","data_base64":"e30=","datacontenttype":"text/plain"}`))
	fuzzDecoder(f, DecodeJob, func(e Envelope, j Job) ([]byte, error) { return EncodeJob(e.Source, e.ID, j) })
}

func FuzzDecodeResult(f *testing.F) {
	data, err := EncodeResult("/p", sampleResult("x"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	fuzzDecoder(f, DecodeResult, func(e Envelope, r Result) ([]byte, error) { return EncodeResult(e.Source, r) })
}

func FuzzDecodeReview(f *testing.F) {
	data, err := reviews.encode("/p", "1", Review{Identity: "x", NoduleID: "n", Reviewer: "r", Verdict: Suspicious})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	fuzzDecoder(f, reviews.decode, func(e Envelope, r Review) ([]byte, error) { return reviews.encode(e.Source, e.ID, r) })
}

func FuzzDecodeDead(f *testing.F) {
	data, err := letters.encode("/p", "1", Dead{Code: "not_json", Size: 3, Payload: []byte("abc")})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	fuzzDecoder(f, letters.decode, func(e Envelope, d Dead) ([]byte, error) { return letters.encode(e.Source, e.ID, d) })
}
