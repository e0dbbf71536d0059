package dicomio

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// listFiles returns the regular files below dir in lexical order. Links to
// files are followed, links to folders are not, so that no loop is walked; dir
// itself may be a link.
func listFiles(ctx context.Context, dir string, limit int) ([]string, error) {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &Error{Code: CodeFolderMissing, Op: "open folder", Path: dir, Hint: "the folder does not exist; check its name", Err: err}
	case err != nil:
		return nil, &Error{Code: CodeFolderMissing, Op: "open folder", Path: dir, Hint: "the folder cannot be opened", Err: err}
	case !info.IsDir():
		return nil, &Error{Code: CodeFolderMissing, Op: "open folder", Path: dir, Hint: "this is a file; name the folder that holds the series"}
	}
	root, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, &Error{Code: CodeFolderMissing, Op: "open folder", Path: dir, Hint: "the folder cannot be opened", Err: err}
	}
	var files []string
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			if path == root {
				return err
			}
			return nil // a folder that may not be read holds nothing for us
		}
		if !isFile(path, d) {
			return nil
		}
		if len(files) == limit {
			return &Error{Code: CodeLimit, Op: "open folder", Path: dir, Hint: fmt.Sprintf("the folder holds more than %d files; name the folder of one study", limit)}
		}
		files = append(files, path)
		return nil
	})
	var e *Error
	if err != nil && ctx.Err() == nil && !errors.As(err, &e) {
		err = &Error{Code: CodeFolderMissing, Op: "open folder", Path: dir, Hint: "the folder cannot be read; check its permissions", Err: err}
	}
	return files, err
}

func isFile(path string, d fs.DirEntry) bool {
	if d.Type()&fs.ModeSymlink == 0 {
		return d.Type().IsRegular()
	}
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// scanned is what came of one file.
type scanned struct {
	header   *header
	err      error     // nil, errNotDICOM or an *Error
	modified time.Time // of the file; zero where that is not known
}

// scanFiles reads the headers of all files, in their order.
func scanFiles(ctx context.Context, files []string, opts Options) ([]scanned, error) {
	out := make([]scanned, len(files))
	next := make(chan int)
	var wg sync.WaitGroup
	for range opts.Workers {
		wg.Go(func() {
			for i := range next {
				out[i].header, out[i].err = scanFile(files[i], opts)
				if info, err := os.Stat(files[i]); err == nil {
					out[i].modified = info.ModTime()
				}
			}
		})
	}
	for i := range files {
		if ctx.Err() != nil {
			break
		}
		next <- i
	}
	close(next)
	wg.Wait()
	return out, ctx.Err()
}

// fileSource is an open file.
type fileSource struct {
	*os.File
	size int64
}

func (f fileSource) Size() int64 { return f.size }

func scanFile(path string, opts Options) (*header, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fileError(path, refuse(CodeUnreadable, "the file cannot be opened; check its permissions", err))
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fileError(path, refuse(CodeUnreadable, "the file cannot be read", err))
	}
	h, err := readHeader(fileSource{f, info.Size()}, opts.inflateLimit())
	if errors.Is(err, errNotDICOM) {
		return nil, errNotDICOM
	}
	if h != nil {
		h.path, h.size, h.modTime = path, info.Size(), info.ModTime()
	}
	if info.Size() > opts.MaxFileBytes {
		err = refuse(CodeLimit, fmt.Sprintf("the file is larger than %d bytes", opts.MaxFileBytes), nil)
	}
	if err != nil {
		return h, fileError(path, asError(err, CodeUnreadable, "the file cannot be read"))
	}
	return h, nil
}

// fileError names the file.
func fileError(path string, e *Error) *Error {
	e.Path = path
	return e
}
