package dicomio

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"github.com/nodulescope/nodulescope/dicomio/storage"
)

// listFiles returns the regular files below dir in lexical order. Links to
// files are followed, links to folders are not, so that no loop is walked; dir
// itself may be a link.
func listFiles(ctx context.Context, dir string, limit int) ([]string, error) {
	info, err := storage.Stat(ctx, dir)
	switch {
	case isSilent(ctx, err):
		return nil, err
	case errors.Is(err, fs.ErrNotExist):
		return nil, &Error{Code: CodeFolderMissing, Op: "open folder", Path: dir, Hint: "the folder does not exist; check its name", Err: err}
	case err != nil:
		return nil, &Error{Code: CodeFolderMissing, Op: "open folder", Path: dir, Hint: "the folder cannot be opened", Err: err}
	case !info.IsDir():
		return nil, &Error{Code: CodeFolderMissing, Op: "open folder", Path: dir, Hint: "this is a file; name the folder that holds the series"}
	}
	root, err := storage.EvalSymlinks(ctx, dir)
	if isSilent(ctx, err) {
		return nil, err
	}
	if err != nil {
		return nil, &Error{Code: CodeFolderMissing, Op: "open folder", Path: dir, Hint: "the folder cannot be opened", Err: err}
	}
	var files []string
	err = storage.WalkDir(ctx, root, func(path string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			if path == root {
				return err
			}
			return nil // a folder that may not be read holds nothing for us
		}
		if file, err := isFile(ctx, path, d); err != nil || !file {
			return err
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

// isFile tells whether an entry is a file or leads to one. A storage that does
// not tell is an error.
func isFile(ctx context.Context, path string, d fs.DirEntry) (bool, error) {
	if d.Type()&fs.ModeSymlink == 0 {
		return d.Type().IsRegular(), nil
	}
	info, err := storage.Stat(ctx, path)
	if isSilent(ctx, err) {
		return false, err
	}
	return err == nil && info.Mode().IsRegular(), nil
}

// isSilent tells errors that say nothing of a file: the storage does not
// answer, or nobody waits for it any more.
func isSilent(ctx context.Context, err error) bool {
	return err != nil && (ctx.Err() != nil || CodeOf(err) == CodeStorageSilent)
}

// scanned is what came of one file.
type scanned struct {
	header   *header
	err      error     // nil, errNotDICOM or an *Error
	modified time.Time // of the file; zero where that is not known
}

// scanFiles reads the headers of all files, in their order. A storage that does
// not answer for one of them ends it: what is not read is not missing.
func scanFiles(ctx context.Context, files []string, opts Options) ([]scanned, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	out := make([]scanned, len(files))
	next := make(chan int)
	var wg sync.WaitGroup
	for range opts.Workers {
		wg.Go(func() {
			for i := range next {
				out[i].header, out[i].err = scanFile(ctx, files[i], opts)
				if CodeOf(out[i].err) == CodeStorageSilent {
					stop(out[i].err)
				}
				if info, err := storage.Stat(ctx, files[i]); err == nil {
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
	return out, context.Cause(ctx)
}

func scanFile(ctx context.Context, path string, opts Options) (*header, error) {
	f, err := storage.Open(ctx, path)
	if isSilent(ctx, err) {
		return nil, err
	}
	if err != nil {
		return nil, fileError(path, refuse(CodeUnreadable, "the file cannot be opened; check its permissions", err))
	}
	defer f.Close()
	info := f.Info
	h, err := readHeader(f, opts.inflateLimit())
	if silent := f.Silent(); silent != nil {
		return nil, silent
	}
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
