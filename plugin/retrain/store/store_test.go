package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/internal/digest"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
)

// imported is a store with versions of one candidate for each seed.
func imported(t *testing.T, seeds ...uint64) (s *Store, versions []Manifest) {
	t.Helper()
	s = Open(t.TempDir())
	for _, seed := range seeds {
		m, known, err := s.Import(plugintest.Candidate(t, seed, nil))
		plugintest.Must(t, err)
		if known {
			t.Fatal("a new version was known")
		}
		versions = append(versions, m)
	}
	return s, versions
}

func note(Changed, Set) error { return nil }

// TestShipped: what the binary holds is a version that needs no folder.
func TestShipped(t *testing.T) {
	s := Open(filepath.Join(t.TempDir(), "none"))
	now, err := s.Current()
	plugintest.Must(t, err)
	set, err := s.Load(Promoted)
	plugintest.Must(t, err)
	list, err := s.List()
	if now.Version != Shipped || set.Digest != now.Set || len(set.Detectors) != 2 || set.Detectors[0].Name() != "vae-ad" || set.Outliner == nil || set.Rungs == nil || len(list) != 0 || err != nil {
		t.Errorf("%+v, %d detectors, %v", now, len(set.Detectors), err)
	}
	if _, err := os.Stat(s.dir); !errors.Is(err, os.ErrNotExist) {
		t.Error("looking made a folder")
	}
}

// TestImport: a candidate becomes a version that lacks nothing, twice the same one,
// and is found by the beginning of its name.
func TestImport(t *testing.T) {
	s, versions := imported(t, 1, 2)
	m := versions[0]
	again, known, err := s.Import(plugintest.Candidate(t, 1, nil))
	if err != nil || !known || again.Version != m.Version {
		t.Errorf("%+v, %t, %v", again, known, err)
	}
	if !versionName(m.Version) || !strings.HasPrefix(m.Version, "20260131-") || m.Version == versions[1].Version {
		t.Errorf("versions %s and %s", m.Version, versions[1].Version)
	}
	set, err := s.Load(m.Version[9:])
	plugintest.Must(t, err)
	want, err := plugintest.Untrained(1)
	plugintest.Must(t, err)
	if len(set.Detectors) != 1 || set.Detectors[0].Digest() != want.Digest() || set.Outliner == nil || set.Rungs == nil {
		t.Errorf("%+v", set)
	}
	from := map[string]string{}
	for _, f := range m.Candidate.Files {
		from[f.Role] = f.From
	}
	if from[RoleDetector] != "" || from[RoleRungs] != Shipped || from[RoleOutline] != Shipped || from[RoleTissue] != Shipped {
		t.Errorf("files are from %v", from)
	}
	if list, err := s.List(); err != nil || len(list) != 2 {
		t.Errorf("%d versions, %v", len(list), err)
	}
	details, err := s.Details(m)
	if err != nil || !strings.Contains(string(details), `"epochs":3`) {
		t.Errorf("details %s, %v", details, err)
	}
	for _, name := range []string{"", "2026", "20260131-00000000", "../x", "none"} {
		_, err := s.Find(name)
		plugintest.WantCode(t, err, CodeUnknown)
	}
}

// TestCandidatesRefused: what is no whole candidate leaves no version.
func TestCandidatesRefused(t *testing.T) {
	file := func(key string, value any) func(map[string]any) {
		return func(c map[string]any) { c["files"].([]map[string]any)[0][key] = value }
	}
	for name, c := range map[string]struct {
		change func(map[string]any)
		spoil  func(folder string) error
		code   coded.Code
	}{
		"schema":        {change: func(c map[string]any) { c["schema"] = "nodulescope-candidate/2" }, code: CodeCandidate},
		"no files":      {change: func(c map[string]any) { c["files"] = []any{} }, code: CodeCandidate},
		"upwards":       {change: file("name", "../vae-ad.safetensors"), code: CodeCandidate},
		"digest":        {change: file("sha256", "sha256:12"), code: CodeCandidate},
		"no detector":   {change: file("role", "report"), code: CodeCandidate},
		"preprocessing": {change: func(c map[string]any) { c["preprocessing"] = []string{"other/v9"} }, code: CodePreprocessing},
		"not JSON":      {spoil: func(f string) error { return os.WriteFile(filepath.Join(f, CandidateFile), []byte("{"), 0o600) }, code: CodeCandidate},
		"cut": {spoil: func(f string) error {
			return os.Truncate(filepath.Join(f, "vae-ad.safetensors"), 1000)
		}, code: CodeCandidate},
		"altered": {spoil: func(f string) error { return flip(filepath.Join(f, "vae-ad.safetensors"), 5000) }, code: CodeCandidate},
		"missing": {spoil: func(f string) error { return os.Remove(filepath.Join(f, "report.json")) }, code: CodeCandidate},
		"a link": {spoil: func(f string) error {
			path := filepath.Join(f, "report.json")
			return errors.Join(os.Rename(path, path+"-moved"), os.Symlink(path+"-moved", path))
		}, code: CodeCandidate},
	} {
		t.Run(name, func(t *testing.T) {
			s, folder := Open(t.TempDir()), plugintest.Candidate(t, 1, c.change)
			if c.spoil != nil {
				plugintest.Must(t, c.spoil(folder))
			}
			_, _, err := s.Import(folder)
			plugintest.WantCode(t, err, c.code)
			if list, err := s.List(); err != nil || len(list) > 0 {
				t.Errorf("%d versions, %v", len(list), err)
			}
		})
	}
	// A whole file of no detector, and one of rungs for another network.
	for name, content := range map[string]string{"vae-ad.safetensors": "no detector", "rungs.json": "{}"} {
		folder := plugintest.Candidate(t, 1, nil)
		plugintest.Must(t, os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600))
		relist(t, folder, name, content)
		_, _, err := Open(t.TempDir()).Import(folder)
		plugintest.WantCode(t, err, CodeDamaged)
	}
}

// TestAltered: a file of the store that was cut or altered is never loaded, nor is a
// manifest or a list of promotions; the import mends files.
func TestAltered(t *testing.T) {
	s, versions := imported(t, 1)
	m := versions[0]
	model := s.objectFile(m.Scoring()[0].SHA256)
	plugintest.Must(t, flip(model, 5000))
	_, err := s.Load(m.Version)
	plugintest.WantCode(t, err, CodeDamaged)
	_, _, err = s.Apply(Change{Version: m.Version, By: "ann", Forced: true}, note)
	plugintest.WantCode(t, err, CodeDamaged)
	plugintest.Must(t, os.Truncate(model, 10))
	_, err = s.Load(m.Version)
	plugintest.WantCode(t, err, CodeDamaged)
	if _, known, err := s.Import(plugintest.Candidate(t, 1, nil)); err != nil || !known {
		t.Errorf("%t, %v", known, err)
	}
	_, _, err = s.Apply(Change{Version: m.Version, By: "ann", Forced: true}, note)
	plugintest.Must(t, err)

	promoted, err := os.ReadFile(s.promotedFile())
	plugintest.Must(t, err)
	for name, text := range map[string]string{
		"cut": string(promoted[:len(promoted)/2]), "another": strings.Replace(string(promoted), m.Version, "20260131-00000000", 1), "twice": string(promoted) + string(promoted),
	} {
		plugintest.Must(t, os.WriteFile(s.promotedFile(), []byte(text), 0o600))
		if _, err := s.Load(Promoted); coded.CodeOf(err) != CodeDamaged {
			t.Errorf("%s: %v", name, err)
		}
	}
	manifest := s.versionFile(m.Version)
	text, err := os.ReadFile(manifest)
	plugintest.Must(t, err)
	plugintest.Must(t, os.WriteFile(manifest, []byte(strings.Replace(string(text), `"test 1"`, `"test 2"`, 1)), 0o600))
	_, err = s.Load(m.Version)
	plugintest.WantCode(t, err, CodeDamaged)
	if list, err := s.List(); len(list) != 0 || coded.CodeOf(err) != CodeDamaged {
		t.Errorf("%d, %v", len(list), err)
	}
	// A manifest of one version under the name of another.
	plugintest.Must(t, os.WriteFile(s.versionFile("20260131-00000000"), text, 0o600))
	_, err = s.Load("20260131-00000000")
	plugintest.WantCode(t, err, CodeDamaged)
}

// TestKey: a key that others may read, that is none, or another one is refused.
func TestKey(t *testing.T) {
	s, versions := imported(t, 1)
	plugintest.Must(t, os.Chmod(s.keyFile(), 0o644)) //nolint:gosec // that is the fault
	_, err := s.Load(versions[0].Version)
	plugintest.WantCode(t, err, CodeKey)
	plugintest.Must(t, os.Remove(s.keyFile()))
	_, err = s.Load(versions[0].Version)
	plugintest.WantCode(t, err, CodeDamaged) // no key has signed it
	_, _, err = s.Import(plugintest.Candidate(t, 2, nil))
	plugintest.WantCode(t, err, CodeKey) // lost, and not silently another one
	if _, err := os.Stat(s.keyFile()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a lost key was made anew: %v", err)
	}
	plugintest.Must(t, os.WriteFile(s.keyFile(), []byte("x\n"), 0o600))
	_, _, err = s.Import(plugintest.Candidate(t, 2, nil))
	plugintest.WantCode(t, err, CodeKey)
	for _, text := range []string{"", "ed25519:", "ed25519:abc", "rsa:hwPwmVr3RUmwSTO-SG_0-4XI0YNvSDAB95lwQZdmlh8"} {
		_, err := ParsePublicKey(text)
		plugintest.WantCode(t, err, CodeKey)
	}
}

// TestPromotions: what scores, and back again, down to the shipped set.
func TestPromotions(t *testing.T) {
	s, versions := imported(t, 1, 2)
	a, b := versions[0].Version, versions[1].Version
	var noted []string
	apply := func(c Change) (string, error) {
		c.By, c.Forced = "ann", !c.Rollback
		changed, set, err := s.Apply(c, func(to Changed, set Set) error {
			noted = append(noted, to.From.Version+">"+to.To.Version)
			if now, err := s.Current(); err != nil || now.Version != to.From.Version || set.Version != to.To.Version {
				t.Errorf("%s scores before it is noted that %s does, %v", now.Version, set.Version, err)
			}
			return nil
		})
		if err == nil && set.Digest != changed.To.Set {
			t.Errorf("another set than %s", changed.To.Set)
		}
		now, currentErr := s.Current()
		plugintest.Must(t, currentErr)
		return now.Version, err
	}
	for i, step := range []struct {
		c    Change
		now  string
		code coded.Code
	}{
		{Change{Rollback: true}, Shipped, CodePromotion}, {Change{Version: a}, a, ""}, {Change{Version: a}, a, CodePromotion}, {Change{Version: b}, b, ""},
		{Change{Version: "20260131-00000000"}, b, CodeUnknown}, {Change{Rollback: true}, a, ""}, {Change{Version: Shipped}, Shipped, ""},
		{Change{Rollback: true}, a, ""}, {Change{Rollback: true}, Shipped, ""}, {Change{Rollback: true}, Shipped, CodePromotion},
	} {
		if now, err := apply(step.c); now != step.now || coded.CodeOf(err) != step.code {
			t.Errorf("step %d: %s scores, %v", i, now, err)
		}
	}
	if want := []string{Shipped + ">" + a, a + ">" + b, b + ">" + a, a + ">" + Shipped, Shipped + ">" + a, a + ">" + Shipped}; strings.Join(noted, " ") != strings.Join(want, " ") {
		t.Errorf("noted %v", noted)
	}
	// What could not be noted is not done.
	_, _, err := s.Apply(Change{Version: a, By: "ann", Forced: true}, func(Changed, Set) error { return coded.New("audit_failed", "", "", nil) })
	plugintest.WantCode(t, err, "audit_failed")
	if now, err := s.Current(); err != nil || now.Version != Shipped {
		t.Errorf("%s, %v", now.Version, err)
	}
}

// TestGate: without a comparison that allows it nothing is promoted but the shipped
// set; one of other sets, or one that was altered, allows nothing.
func TestGate(t *testing.T) {
	s, versions := imported(t, 1, 2)
	a, b := versions[0], versions[1]
	apply := func(version string) (Changed, error) {
		changed, _, err := s.Apply(Change{Version: version, By: "ann"}, note)
		return changed, err
	}
	keep := func(candidate, incumbent string, allowed bool) []byte {
		t.Helper()
		report := fmt.Appendf(nil, `{"candidate":{"set":%q},"incumbent":{"set":%q},"allowed":%t,"reasons":["it is worse","and slower"]}`, candidate, incumbent, allowed)
		plugintest.Must(t, s.KeepComparison(report))
		return report
	}
	shippedSet, err := ShippedDigest()
	plugintest.Must(t, err)
	_, err = apply(a.Version)
	plugintest.WantCode(t, err, CodeNotCompared)
	keep(a.Set, b.Set, true) // with another incumbent
	_, err = apply(a.Version)
	plugintest.WantCode(t, err, CodeNotCompared)
	keep(a.Set, shippedSet, false)
	if _, err = apply(a.Version); coded.CodeOf(err) != CodeNotBetter || !strings.Contains(err.Error(), "it is worse (and 1 more") {
		t.Errorf("%v", err)
	}
	report := keep(a.Set, shippedSet, true)
	if changed, err := apply(a.Version); err != nil || changed.To.Gate != digest.Of(report) || changed.To.Forced {
		t.Errorf("%+v, %v", changed, err)
	}
	keep(b.Set, a.Set, true)
	plugintest.Must(t, flip(s.comparisonFile(b.Set, a.Set), 20))
	_, err = apply(b.Version)
	plugintest.WantCode(t, err, CodeDamaged)
	other, err := os.ReadFile(s.comparisonFile(a.Set, shippedSet))
	plugintest.Must(t, err)
	plugintest.Must(t, os.WriteFile(s.comparisonFile(b.Set, a.Set), other, 0o600))
	_, err = apply(b.Version)
	plugintest.WantCode(t, err, CodeDamaged)
	if _, err := apply(Shipped); err != nil {
		t.Error(err)
	}
	if err := s.KeepComparison([]byte("{")); coded.CodeOf(err) != CodeFailed {
		t.Errorf("%v", err)
	}
}

// TestShippedAnew: a shipped set that was promoted is that of the binary as it is now.
func TestShippedAnew(t *testing.T) {
	s, versions := imported(t, 1)
	key, err := readKey(s.keyFile())
	plugintest.Must(t, err)
	text, err := seal(key, forPromotions, promotions{Schema: Schema, List: []Promotion{{Version: Shipped, Set: "sha256:of an older binary"}}})
	plugintest.Must(t, err)
	plugintest.Must(t, writeFile(s.promotedFile(), text))
	set, err := s.Load(Promoted)
	plugintest.Must(t, err)
	if now, err := s.Current(); err != nil || now.Set != set.Digest {
		t.Errorf("%+v, %v; loaded is %s", now, err, set.Digest)
	}
	plugintest.Must(t, s.KeepComparison(fmt.Appendf(nil, `{"candidate":{"set":%q},"incumbent":{"set":%q},"allowed":true}`, versions[0].Set, set.Digest)))
	_, _, err = s.Apply(Change{Version: versions[0].Version, By: "ann"}, note)
	plugintest.Must(t, err)
}

// TestExport: another site takes in what this one exported where it trusts its key.
func TestExport(t *testing.T) {
	s, versions := imported(t, 1)
	folder := filepath.Join(t.TempDir(), "out")
	m, err := s.Export(versions[0].Version, folder)
	plugintest.Must(t, err)
	_, err = s.Export(m.Version, folder)
	plugintest.WantCode(t, err, CodeFailed) // it is there
	_, err = s.Export(Shipped, folder+"2")
	plugintest.WantCode(t, err, CodeUnknown)
	key, err := s.Key()
	plugintest.Must(t, err)

	other, _ := imported(t, 2)
	_, _, err = other.Import(folder)
	plugintest.WantCode(t, err, CodeUntrusted)
	got, known, err := other.Import(folder, key)
	if err != nil || known || got.Version != m.Version || got.Set != m.Set || got.Signer != key {
		t.Fatalf("%+v, %t, %v", got, known, err)
	}
	_, err = other.Load(m.Version)
	plugintest.Must(t, err)
	if back, known, err := s.Import(folder); err != nil || !known || back.Signer != "" {
		t.Errorf("%+v, %t, %v", back, known, err)
	}
	plugintest.Must(t, flip(filepath.Join(folder, "vae-ad.safetensors"), 5000))
	_, _, err = Open(t.TempDir()).Import(folder, key)
	plugintest.WantCode(t, err, CodeCandidate)
}

// TestCollect: what is old goes, but what scored and can score again, and its files.
func TestCollect(t *testing.T) {
	s, versions := imported(t, 1, 2, 3)
	_, _, err := s.Apply(Change{Version: versions[0].Version, By: "ann", Forced: true}, note)
	plugintest.Must(t, err)
	plugintest.Must(t, os.WriteFile(s.objectFile("sha256:"+strings.Repeat("0", 64))+".tmp-1", []byte("half"), 0o600))
	plan, err := s.Collect(0, true, Promoted)
	plugintest.Must(t, err)
	if len(plan.Versions) != 2 || plan.Files != 5 { // of each version a model and candidate.json; the rest is shared
		t.Errorf("%+v", plan)
	}
	if used, err := s.Collect(0, true, versions[1].Version[9:]); err != nil || len(used.Versions) != 1 || used.Versions[0] != versions[2].Version {
		t.Errorf("one is in use: %+v, %v", used, err)
	}
	done, err := s.Collect(0, false, Promoted)
	plugintest.Must(t, err)
	list, err := s.List()
	if err != nil || len(list) != 1 || list[0].Version != versions[0].Version || done.Bytes != plan.Bytes {
		t.Errorf("%+v, %v", list, err)
	}
	_, err = s.Load(versions[0].Version)
	plugintest.Must(t, err)
	if again, err := s.Collect(0, false, Promoted); err != nil || again.Files != 0 {
		t.Errorf("%+v, %v", again, err)
	}
	// Nothing goes where a manifest cannot be read.
	plugintest.Must(t, os.Truncate(s.versionFile(versions[0].Version), 10))
	_, err = s.Collect(0, false, Promoted)
	plugintest.WantCode(t, err, CodeDamaged)
	if _, err := os.Stat(s.objectFile(versions[0].Scoring()[0].SHA256)); err != nil {
		t.Error(err)
	}
}

// TestLocked: two processes do not write at once.
func TestLocked(t *testing.T) {
	s, _ := imported(t, 1)
	unlock, err := s.lock()
	plugintest.Must(t, err)
	_, _, err = s.Import(plugintest.Candidate(t, 2, nil))
	plugintest.WantCode(t, err, CodeLocked)
	unlock()
	_, _, err = s.Import(plugintest.Candidate(t, 2, nil))
	plugintest.Must(t, err)
}

// flip alters one byte of a file.
func flip(path string, at int) error {
	b, err := os.ReadFile(path) //nolint:gosec // of the test
	if err == nil {
		b[at] ^= 1
		err = os.WriteFile(path, b, 0o600)
	}
	return err
}
