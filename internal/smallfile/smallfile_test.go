package smallfile_test

import (
	"errors"
	"io/fs"
	"testing"

	"github.com/nodulescope/nodulescope/internal/checktest"
	"github.com/nodulescope/nodulescope/internal/smallfile"
)

func TestRead(t *testing.T) {
	path := checktest.WriteFile(t, "five", []byte("12345"))
	for limit, want := range map[int64]error{6: nil, 5: nil, 4: smallfile.ErrTooLarge, 0: smallfile.ErrTooLarge} {
		b, err := smallfile.Read(path, limit)
		if !errors.Is(err, want) || want == nil && string(b) != "12345" || want != nil && b != nil {
			t.Errorf("limit %d: %q, %v", limit, b, err)
		}
	}
	if _, err := smallfile.Read(path+"-gone", 9); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}
