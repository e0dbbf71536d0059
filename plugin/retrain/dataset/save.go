package dataset

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/nodulescope/nodulescope/internal/atomicfile"
	"github.com/nodulescope/nodulescope/internal/digest"
	"github.com/nodulescope/nodulescope/nodule"
)

// Files of a data set, by what they are; the card is written last.
type Files struct{ Data, Masks, Table, CardText, Card string }

// FilesOf are those of a data set NAME.npz.
func FilesOf(path string) Files {
	base := strings.TrimSuffix(path, ".npz")
	return Files{path, base + "_masks.npz", base + "_nodules.csv", base + "_card.md", base + "_card.json"}
}

func (f Files) list() []string { return []string{f.Masks, f.Table, f.CardText, f.Data, f.Card} }

// Save writes the files of a data set beside path, which ends in .npz. They are
// made in a folder beside it and take their names when all are complete: a full
// disk or a crash while they are written leaves the former ones as they were. A
// crash while they take their names leaves some of both, which [Check] tells.
func (s *Set) Save(path string) (err error) {
	if filepath.Ext(path) != ".npz" {
		return fmt.Errorf("write data set %s: the name of the file does not end in .npz", path)
	}
	dir, err := os.MkdirTemp(filepath.Dir(path), "."+filepath.Base(path)+".tmp-*")
	if err != nil {
		return fmt.Errorf("write data set: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	made, final := FilesOf(filepath.Join(dir, filepath.Base(path))), FilesOf(path)
	if err := nodule.SaveNPZ(made.Data, s.Samples); err != nil {
		return err
	}
	if err := atomicfile.Write(made.Table, 0o600, s.writeTable); err != nil {
		return err
	}
	s.Card.Files = map[string]string{}
	for _, name := range []string{made.Data, made.Masks, made.Table} {
		sum, err := digestOf(name)
		if err != nil {
			return err
		}
		s.Card.Files[filepath.Base(name)] = sum
	}
	text, err := json.MarshalIndent(s.Card, "", "  ")
	if err != nil {
		return err
	}
	if err := atomicfile.WriteBytes(made.Card, 0o600, append(text, '\n')); err != nil {
		return err
	}
	if err := atomicfile.WriteBytes(made.CardText, 0o600, []byte(s.Card.Markdown())); err != nil {
		return err
	}
	for i, name := range made.list() {
		if err := atomicfile.Rename(name, final.list()[i]); err != nil {
			return err
		}
	}
	return nil
}

func digestOf(path string) (string, error) {
	f, err := os.Open(path) //nolint:gosec // of this data set
	if err != nil {
		return "", err
	}
	defer f.Close() //nolint:errcheck // only read
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", err
	}
	return digest.Prefix + hex.EncodeToString(sum.Sum(nil)), nil
}
