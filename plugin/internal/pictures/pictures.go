package pictures

import (
	"archive/zip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nodulescope/nodulescope/detector/figure"
	"github.com/nodulescope/nodulescope/nodule"
)

// Names of entries. A reconstruction has the digest of its detector instead.
const (
	scan    = "scan"
	patch   = "patch"
	support = "support"
	outline = "outline"
)

const (
	ending  = ".zip"
	started = "new-*" // of files that are being written
)

// ErrNone says that something is not kept.
var ErrNone = errors.New("pictures: not kept")

// Store is a folder of pictures. It is safe for concurrent use. A nil Store keeps
// nothing.
type Store struct {
	dir   string
	limit int64
	room  func() error

	tidying sync.Mutex
}

// Open makes a folder where it is missing, and removes what a crash has left
// behind. All files together take at most limit bytes; room says whether more may
// be written.
func Open(dir string, limit int64, room func() error) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open pictures: %w", err)
	}
	left, err := filepath.Glob(filepath.Join(dir, started))
	for _, path := range left {
		err = errors.Join(err, os.Remove(path))
	}
	return &Store{dir: dir, limit: limit, room: room}, err
}

// Draft takes the pictures of one result while it is made. A nil Draft takes none.
type Draft struct {
	store *Store
	path  string
	file  *os.File
	zip   *zip.Writer
	err   error
}

// Begin makes a draft for the result with an id; nil where there is no room.
func (s *Store) Begin(id string) *Draft {
	if s == nil || s.room() != nil {
		return nil
	}
	d := &Draft{store: s, path: s.path(id)}
	if d.file, d.err = os.CreateTemp(s.dir, started); d.err == nil {
		d.zip = zip.NewWriter(d.file)
	}
	return d
}

func (s *Store) path(id string) string { return filepath.Join(s.dir, filepath.Base(id)+ending) }

func entry(number int, name string) string { return strconv.Itoa(number) + "/" + name }

// Nodule implements scoring.Pictures.
func (d *Draft) Nodule(number int, cube *nodule.Cube, p nodule.Patch) {
	if d == nil {
		return
	}
	d.put(number, scan, figure.Scan(cube))
	d.put(number, patch, p.Voxels)
	d.put(number, support, p.Support)
}

// Outline implements scoring.Pictures.
func (d *Draft) Outline(number int, mask []bool) {
	values := make([]float32, len(mask))
	for i, in := range mask {
		if in {
			values[i] = 1
		}
	}
	d.put(number, outline, values)
}

// Reconstruction implements scoring.Pictures.
func (d *Draft) Reconstruction(number int, digest string, values []float32) {
	d.put(number, digest, values)
}

// put adds an entry. What cannot be written shows at [Draft.Commit]; where there
// is no room any more the draft is removed at once.
func (d *Draft) put(number int, name string, values []float32) {
	if d == nil || d.err != nil {
		return
	}
	if d.err = d.store.room(); d.err != nil {
		d.Drop()
		return
	}
	out := make([]byte, 0, 4*len(values))
	for _, v := range values {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(v))
	}
	// Not compressed: noise does not shrink, and a job has its time for scoring.
	w, err := d.zip.CreateHeader(&zip.FileHeader{Name: entry(number, name), Method: zip.Store})
	if err == nil {
		_, err = w.Write(out)
	}
	d.err = err
}

// Commit keeps what was put, in place of what was kept of the same result, and
// makes room for it. Where it fails nothing is kept.
func (d *Draft) Commit() error {
	if d == nil {
		return nil
	}
	if d.err == nil {
		d.err = d.zip.Close()
	}
	if d.file != nil {
		d.err = errors.Join(d.err, d.file.Close())
	}
	if d.err == nil {
		d.err = os.Rename(d.file.Name(), d.path)
	}
	if d.err != nil {
		d.Drop()
		return fmt.Errorf("keep pictures: %w", d.err)
	}
	d.file = nil
	return d.store.Tidy(func(string) bool { return true })
}

// Drop ends a draft. It may follow Commit.
func (d *Draft) Drop() {
	if d == nil || d.file == nil {
		return
	}
	_ = d.file.Close() // it may be closed
	_ = os.Remove(d.file.Name())
	d.file = nil
}

// Nodule gives what was kept of a finding: its scan and patch, [28,28,28] each.
// Errors of this and the next are ErrNone: it is not kept, or cannot be read, and
// has to be computed.
func (s *Store) Nodule(id string, number int) (scanned []float32, p nodule.Patch, err error) {
	for name, to := range map[string]*[]float32{scan: &scanned, patch: &p.Voxels, support: &p.Support} {
		if *to, err = s.read(id, number, name, nodule.PatchVoxels); err != nil {
			return nil, nodule.Patch{}, err
		}
	}
	return scanned, p, nil
}

// Outline gives the mask of a finding, [32,32,32].
func (s *Store) Outline(id string, number int) ([]bool, error) {
	values, err := s.read(id, number, outline, nodule.CubeVoxels)
	mask := make([]bool, len(values))
	for i, v := range values {
		mask[i] = v != 0
	}
	return mask, err
}

// Reconstruction gives that of the detector with a digest, [28,28,28].
func (s *Store) Reconstruction(id string, number int, digest string) ([]float32, error) {
	return s.read(id, number, digest, nodule.PatchVoxels)
}

// read gives n values.
func (s *Store) read(id string, number int, name string, n int) ([]float32, error) {
	if s == nil {
		return nil, ErrNone
	}
	z, err := zip.OpenReader(s.path(id))
	if err != nil {
		return nil, errors.Join(ErrNone, err)
	}
	defer z.Close()
	f, err := z.Open(entry(number, name))
	if err != nil {
		return nil, errors.Join(ErrNone, err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, int64(4*n+1))) // to its end, where the checksum is compared
	if err != nil || len(b) != 4*n {
		return nil, errors.Join(ErrNone, err, fmt.Errorf("pictures: %d bytes, not %d", len(b), 4*n))
	}
	values := make([]float32, n)
	for i := range values {
		values[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return values, nil
}

// Tidy removes the pictures of results that are not kept any more, and then the
// oldest until the others are within the limit.
func (s *Store) Tidy(kept func(id string) bool) error {
	if s == nil {
		return nil
	}
	s.tidying.Lock()
	defer s.tidying.Unlock()
	type file struct {
		path string
		size int64
		time time.Time
	}
	entries, err := os.ReadDir(s.dir)
	var files []file
	var sum int64
	for _, e := range entries {
		id, is := strings.CutSuffix(e.Name(), ending)
		info, gone := e.Info()
		if !is || gone != nil {
			continue
		}
		path := filepath.Join(s.dir, e.Name())
		if !kept(id) {
			err = errors.Join(err, remove(path))
			continue
		}
		files, sum = append(files, file{path, info.Size(), info.ModTime()}), sum+info.Size()
	}
	slices.SortFunc(files, func(a, b file) int { return a.time.Compare(b.time) })
	for _, f := range files {
		if sum <= s.limit {
			break
		}
		err = errors.Join(err, remove(f.path))
		sum -= f.size
	}
	return err
}

func remove(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
