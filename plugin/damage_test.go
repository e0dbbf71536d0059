package plugin

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/nodulescope/nodulescope/plugin/plugintest"
)

// block is the first file of the messages of a stream.
func block(t *testing.T, dataDir, stream string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dataDir, "bus/jetstream/*/streams", stream, "msgs/*.blk"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	return files[0]
}

// record is where the n-th message of a block of nats-server begins: its length,
// then its number.
func record(t *testing.T, path string, n int) (offset int64) {
	t.Helper()
	data, err := os.ReadFile(path)
	plugintest.Must(t, err)
	for range n {
		offset += int64(binary.LittleEndian.Uint32(data[offset:]) &^ (1 << 31))
	}
	return offset
}

// overwrite puts rubbish into a file at a share of its length.
func overwrite(t *testing.T, path string, share float64, n int) {
	t.Helper()
	info, err := os.Stat(path)
	plugintest.Must(t, err)
	overwriteAt(t, path, int64(share*float64(info.Size())), n)
}

func overwriteAt(t *testing.T, path string, offset int64, n int) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	plugintest.Must(t, err)
	_, err = f.WriteAt(bytes.Repeat([]byte{0xa5}, n), offset)
	plugintest.Must(t, err)
	plugintest.Must(t, f.Close())
}

func truncate(t *testing.T, path string, share float64) {
	t.Helper()
	info, err := os.Stat(path)
	plugintest.Must(t, err)
	plugintest.Must(t, os.Truncate(path, int64(share*float64(info.Size()))))
}
