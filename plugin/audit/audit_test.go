package audit

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/plugin/plugintest"
)

func writeAudit(t *testing.T, path string, identities ...string) {
	t.Helper()
	a, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range identities {
		if err := a.Append(Record{Kind: KindScore, Identity: id}); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
}

func readAudit(t *testing.T, path string) (kinds []string, last string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	n, last, err := Verify(bytes.NewReader(text), func(r Record) error {
		kinds = append(kinds, r.Kind+" "+r.Identity)
		return nil
	})
	if err != nil || n != len(kinds) {
		t.Fatalf("%d records, %v", n, err)
	}
	return kinds, last
}

func TestGoesOn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	writeAudit(t, path, "a", "b")
	_, before := readAudit(t, path)
	writeAudit(t, path, "c")
	kinds, after := readAudit(t, path)
	if strings.Join(kinds, ",") != "score a,score b,score c" || before == after {
		t.Errorf("%v", kinds)
	}
}

// A crash in the midst of a line: what is left of it goes, and the trail says
// so.
func TestRepairsItsEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	writeAudit(t, path, "a")
	text, _ := os.ReadFile(path)
	for _, cut := range []int{1, 20, len(text) - 1} {
		if err := os.WriteFile(path, append(bytes.Clone(text), text[:cut]...), 0o600); err != nil {
			t.Fatal(err)
		}
		writeAudit(t, path, "b")
		if kinds, _ := readAudit(t, path); strings.Join(kinds, ",") != "score a,recovered ,score b" {
			t.Errorf("%d bytes: %v", cut, kinds)
		}
	}
	if err := os.WriteFile(path, []byte(`{"half`), 0o600); err != nil {
		t.Fatal(err)
	}
	writeAudit(t, path)
	if kinds, _ := readAudit(t, path); len(kinds) != 1 {
		t.Errorf("%v", kinds)
	}
}

func TestVerifySeesChanges(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	writeAudit(t, path, "a", "b", "c")
	text, _ := os.ReadFile(path)
	lines := strings.SplitAfter(strings.TrimSpace(string(text))+"\n", "\n")
	for name, changed := range map[string]string{
		"changed":   strings.Replace(string(text), `"identity":"b"`, `"identity":"x"`, 1),
		"taken out": lines[0] + lines[2],
		"swapped":   lines[1] + lines[0] + lines[2],
		"twice":     lines[0] + lines[0],
		"not JSON":  lines[0] + "x\n",
		"no start":  lines[1] + lines[2],
		"long":      lines[0] + strings.Repeat("x", maxLine+1),
		"last line, and one after it": strings.Replace(string(text), `"identity":"c"`, `"identity":"x"`, 1) +
			strings.Replace(lines[2], `"identity":"c"`, `"identity":"d"`, 1),
	} {
		_, _, err := Verify(strings.NewReader(changed), nil)
		plugintest.WantCode(t, err, CodeFailed)
		if !strings.Contains(err.Error(), "line ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	if err := os.WriteFile(path, bytes.Repeat([]byte("x"), maxLine*3), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(path)
	plugintest.WantCode(t, err, CodeFailed)
	a, err := Open(filepath.Join(t.TempDir(), "audit.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	plugintest.WantCode(t, a.Append(Record{Identity: strings.Repeat("x", maxLine)}), CodeFailed)
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	plugintest.WantCode(t, a.Append(Record{}), CodeFailed)
}

func FuzzVerify(f *testing.F) {
	path := filepath.Join(f.TempDir(), "audit.jsonl")
	a, err := Open(path)
	if err != nil {
		f.Fatal(err)
	}
	for range 2 {
		if err := a.Append(Record{Kind: KindDead, Codes: []string{"not_ct"}}); err != nil {
			f.Fatal(err)
		}
	}
	text, _ := os.ReadFile(path)
	f.Add(text)
	f.Add([]byte("{}\n"))
	f.Add([]byte(`{"prev":"` + noPrev + `"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		n, last, err := Verify(bytes.NewReader(text), nil)
		if err != nil {
			plugintest.WantCode(t, err, CodeFailed)
		} else if n > 0 && last == noPrev || n > bytes.Count(text, []byte("\n"))+1 {
			t.Errorf("%d records, last %s", n, last)
		}
	})
}
