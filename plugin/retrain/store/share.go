package store

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/internal/digest"
	"github.com/nodulescope/nodulescope/internal/smallfile"
)

// Shared is where workstations share versions: objects that are added and removed, and
// never replaced. [bus.Objects] is one.
//
//	versions/NAME/ID   signed manifests, as a workstation has them
//	files/HEX/ID       files, by their SHA-256
//
// A manifest is added after its files, so that what a crash or a full bucket leaves
// behind is files that nothing names, which [CollectShared] removes. The same version
// or file may be there more than once: one that is whole is enough.
type Shared interface {
	List(ctx context.Context) ([]bus.Object, error)
	Read(ctx context.Context, name string, limit int64) ([]byte, error)
	Add(ctx context.Context, under string, content []byte) (name string, err error)
	Remove(ctx context.Context, name string) error
}

const (
	sharedVersions = "versions/"
	sharedFiles    = "files/"
	sharedYoung    = time.Hour // a file that nothing names may belong to a version that is being added
)

func sharedFile(sum string) string { return sharedFiles + strings.TrimPrefix(sum, digest.Prefix) }

// Push gives a version to other workstations; known says that all of it was there.
// Codes: those of [Store.Find], CodeDamaged, and those of in.
func (s *Store) Push(ctx context.Context, in Shared, name string) (m Manifest, known bool, err error) {
	const op = "push models"
	if m, err = s.Find(name); err != nil {
		return m, false, err
	}
	if m.Version == Shipped {
		return m, false, coded.New(CodeUnknown, op, "the shipped set is in every binary", nil)
	}
	own, err := s.Key()
	if err != nil {
		return m, false, err
	}
	text, err := smallfile.Read(s.versionFile(m.Version), maxDescription)
	if err != nil {
		return m, false, coded.New(CodeDamaged, op, "its manifest cannot be read", err)
	}
	there, err := in.List(ctx)
	if err != nil {
		return m, false, err
	}
	known = true
	for _, f := range m.Candidate.Files {
		b, err := s.object(f)
		if err != nil {
			return m, false, err
		}
		if _, err := readShared(ctx, in, there, f); err == nil {
			continue
		} else if bus.CodeOf(err) != CodeDamaged {
			return m, false, err
		}
		if _, err := in.Add(ctx, sharedFile(f.SHA256), b); err != nil {
			return m, false, err
		}
		known = false
	}
	for _, o := range newest(there, sharedVersions+m.Version) {
		var other Manifest
		old, err := in.Read(ctx, o.Name, maxDescription)
		if err == nil {
			_, err = unseal(old, forManifest, &other, own)
		}
		if err == nil && other.Version == m.Version && other.Set == m.Set {
			return m, known, nil
		}
	}
	_, err = in.Add(ctx, sharedVersions+m.Version, text)
	return m, false, err
}

// newest are the objects under a name, the last one that was added first.
func newest(there []bus.Object, under string) (list []bus.Object) {
	for _, o := range there {
		if o.Under() == under {
			list = append(list, o)
		}
	}
	slices.SortFunc(list, func(a, b bus.Object) int { return b.Added.Compare(a.Added) })
	return list
}

// readShared is the content of a file; what is cut or altered has CodeDamaged.
func readShared(ctx context.Context, in Shared, there []bus.Object, f File) ([]byte, error) {
	for _, o := range newest(there, sharedFile(f.SHA256)) {
		if o.Bytes != f.Bytes {
			continue
		}
		b, err := in.Read(ctx, o.Name, f.Bytes)
		if err == nil && digest.Of(b) == f.SHA256 {
			return b, nil
		}
		if err != nil && bus.CodeOf(err) != bus.CodeObject {
			return nil, err
		}
	}
	return nil, coded.New(CodeDamaged, "read shared models", f.Name+" is missing, half written or altered there: push the version again", nil)
}

// Pull takes in a version that another workstation has pushed, by its name or the
// beginning of one; known says that it was there already. Its signature must be this
// workstation's or one of the keys in trust, and is checked before anything is written;
// then every file is compared with its digest, and loaded. Codes: CodeUnknown,
// CodeUntrusted, CodeDamaged, those of [Store.Import] and of in.
func (s *Store) Pull(ctx context.Context, in Shared, name string, trust ...PublicKey) (m Manifest, known bool, err error) {
	there, err := in.List(ctx)
	if err != nil {
		return m, false, err
	}
	var found []string
	for _, v := range versionsIn(there) {
		if v == name || len(name) >= 4 && (strings.HasPrefix(v, name) || strings.HasPrefix(v[9:], name)) {
			found = append(found, v)
		}
	}
	if len(found) != 1 {
		return m, false, coded.New(CodeUnknown, "pull models", "there is no shared version, or more than one, of that name: see 'nodulescope models list --shared'", nil)
	}
	return s.pull(ctx, in, there, found[0], trust)
}

func (s *Store) pull(ctx context.Context, in Shared, there []bus.Object, version string, trust []PublicKey) (m Manifest, known bool, err error) {
	own, err := s.Key()
	if err != nil {
		return m, false, err
	}
	keys := append(slices.Clone(trust), own)
	var first error
	for _, o := range newest(there, sharedVersions+version) {
		text, err := in.Read(ctx, o.Name, maxDescription)
		if err == nil {
			_, err = unseal(text, forManifest, &m, keys...)
		}
		if err == nil && m.Version != version {
			err = coded.New(CodeDamaged, "pull models", "what is there under this name is another version", nil)
		}
		if err == nil {
			m, known, err = s.Receive(text, func(f File) ([]byte, error) { return readShared(ctx, in, there, f) }, trust...)
		}
		if err == nil {
			return m, known, nil
		}
		first = cmp.Or(first, err)
	}
	return Manifest{}, false, first
}

// versionsIn are the names of versions that objects are of, in order.
func versionsIn(there []bus.Object) (names []string) {
	for _, o := range there {
		if v, ok := strings.CutPrefix(o.Under(), sharedVersions); ok && versionName(v) && !slices.Contains(names, v) {
			names = append(names, v)
		}
	}
	slices.Sort(names)
	return names
}

// SharedVersion is one that somebody has pushed.
type SharedVersion struct {
	Version string    `json:"version"`
	Signer  PublicKey `json:"signer,omitempty"`
	Added   time.Time `json:"added"`
	Trusted bool      `json:"trusted"` // by the keys that are known here
	Whole   bool      `json:"whole"`   // as far as its records say: a pull compares every byte
	Here    bool      `json:"here"`    // in this store already
	Code    string    `json:"code,omitempty"`
	Kind    string    `json:"kind,omitempty"`
	Made    time.Time `json:"made,omitzero"`
	Set     string    `json:"set,omitempty"`
}

// ListShared tells what is shared, version by version and signer by signer.
func (s *Store) ListShared(ctx context.Context, in Shared, trust ...PublicKey) (list []SharedVersion, err error) {
	there, err := in.List(ctx)
	if err != nil {
		return nil, err
	}
	own, err := s.Key()
	if err != nil {
		return nil, err
	}
	for _, v := range versionsIn(there) {
		_, err := s.manifest(v)
		here := err == nil
		seen := map[PublicKey]bool{}
		for _, o := range newest(there, sharedVersions+v) {
			one := SharedVersion{Version: v, Added: o.Added, Here: here}
			m, by, err := anySigner(ctx, in, o)
			if err == nil && m.Version != v {
				err = coded.New(CodeDamaged, "list shared models", "another version is there under its name", nil)
			}
			if bus.CodeOf(err) == bus.CodeStream {
				return nil, err
			}
			if one.Signer = by; seen[by] {
				continue
			}
			seen[by] = true
			if err != nil {
				one.Code = string(coded.CodeOf(err))
			} else {
				c := m.Candidate
				one.Kind, one.Made, one.Set = c.Kind, c.Created, m.Set
				one.Trusted = by == own || slices.Contains(trust, by)
				one.Whole = !slices.ContainsFunc(c.Files, func(f File) bool {
					return !slices.ContainsFunc(newest(there, sharedFile(f.SHA256)), func(o bus.Object) bool { return o.Bytes == f.Bytes })
				})
			}
			list = append(list, one)
		}
	}
	return list, nil
}

// anySigner reads a manifest that is whole, whoever has signed it.
func anySigner(ctx context.Context, in Shared, o bus.Object) (m Manifest, by PublicKey, err error) {
	text, err := in.Read(ctx, o.Name, maxDescription)
	if err != nil {
		return m, "", err
	}
	var claimed signed
	_ = json.Unmarshal(text, &claimed) // unseal says what is wrong
	if by, err = unseal(text, forManifest, &m, claimed.Key); err != nil {
		return Manifest{}, "", err
	}
	if m.Schema != Schema || m.Candidate.check() != nil {
		return Manifest{}, by, coded.New(CodeDamaged, "read shared models", "it is no description of a version", nil)
	}
	return m, by, nil
}

// CollectShared removes shared versions but for the newest keep ones, manifests that
// cannot be read, and the files that no version names, but for those of the last hour:
// their version may be on its way. With dry it only tells.
func CollectShared(ctx context.Context, in Shared, keep int, dry bool) (c Collected, err error) {
	c.Versions = []string{}
	there, err := in.List(ctx)
	if err != nil {
		return c, err
	}
	versions := versionsIn(there)
	slices.Reverse(versions) // a name begins with its day
	gone := versions[min(keep, len(versions)):]
	old := func(o bus.Object) bool { return time.Since(o.Added) > sharedYoung }
	named := map[string]bool{}
	var remove []bus.Object
	for _, v := range versions {
		for _, o := range newest(there, sharedVersions+v) {
			m, _, err := anySigner(ctx, in, o)
			switch {
			case bus.CodeOf(err) == bus.CodeStream:
				return c, err
			case slices.Contains(gone, v), err != nil && old(o):
				remove = append(remove, o)
			}
			for _, f := range m.Candidate.Files {
				named[sharedFile(f.SHA256)] = named[sharedFile(f.SHA256)] || !slices.Contains(gone, v)
			}
		}
	}
	for _, o := range there {
		if kept, known := named[o.Under()]; strings.HasPrefix(o.Name, sharedFiles) && !kept && (known || old(o)) {
			c.Files, c.Bytes = c.Files+1, c.Bytes+o.Bytes
			remove = append(remove, o)
		}
	}
	if c.Versions = append(c.Versions, gone...); dry {
		return c, nil
	}
	var errs []error
	for _, o := range remove { // versions first: a file that nothing names does no harm
		errs = append(errs, in.Remove(ctx, o.Name))
	}
	return c, errors.Join(errs...)
}
