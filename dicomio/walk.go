package dicomio

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nodulescope/nodulescope/dicomio/codec"
	"github.com/nodulescope/nodulescope/dicomio/storage"
)

// listFiles returns the regular files below dir in lexical order, and the folders
// that cannot be read. Links to
// files are followed, links to folders are not, so that no loop is walked, and
// returned; dir itself may be a link, an archive, or a DICOMDIR, which stands for its folder.
// changed is when a folder was last given a file, or lost one.
func listFiles(ctx context.Context, dir string, limit int) (files []string, changed time.Time, err error) {
	info, err := storage.Stat(ctx, dir)
	switch {
	case isSilent(ctx, err):
		return nil, changed, err
	case errors.Is(err, fs.ErrNotExist):
		return nil, changed, &Error{Code: CodeFolderMissing, Op: "open folder", Path: dir, Hint: "the folder does not exist; check its name", Err: err}
	case err != nil:
		return nil, changed, &Error{Code: CodeFolderMissing, Op: "open folder", Path: dir, Hint: "the folder cannot be opened", Err: err}
	case !info.IsDir():
		archive, index, err := fileKind(ctx, dir)
		switch {
		case archive || err != nil:
			return []string{dir}, changed, err
		case index:
			return listFiles(ctx, filepath.Dir(dir), limit)
		}
		return nil, changed, &Error{Code: CodeFolderMissing, Op: "open folder", Path: dir, Hint: "this is a file; name the folder that holds the series"}
	}
	root, err := storage.EvalSymlinks(ctx, dir)
	if isSilent(ctx, err) {
		return nil, changed, err
	}
	if err != nil {
		return nil, changed, &Error{Code: CodeFolderMissing, Op: "open folder", Path: dir, Hint: "the folder cannot be opened", Err: err}
	}
	add := func(path string) error {
		if len(files) == limit {
			return &Error{Code: CodeLimit, Op: "open folder", Path: dir, Hint: fmt.Sprintf("the folder holds more than %d files; name the folder of one study", limit)}
		}
		files = append(files, path)
		return nil
	}
	err = storage.WalkDir(ctx, root, func(path string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			if path == root {
				return err
			}
			// Named like a file that cannot be opened: what it holds may be of the series.
			return add(path)
		}
		if d.IsDir() {
			info, err := storage.Stat(ctx, path)
			if isSilent(ctx, err) {
				return err
			}
			if err == nil && info.ModTime().After(changed) {
				changed = info.ModTime()
			}
			return nil
		}
		if file, err := isFile(ctx, root, path, d); err != nil || !file {
			return err
		}
		return add(path)
	})
	var e *Error
	if err != nil && ctx.Err() == nil && !errors.As(err, &e) {
		err = &Error{Code: CodeFolderMissing, Op: "open folder", Path: dir, Hint: "the folder cannot be read; check its permissions", Err: err}
	}
	return files, changed, err
}

// isFile tells whether an entry is a file, or a link to a file, or to a folder
// that lies elsewhere: that is not followed, but named. A storage that does not tell
// is an error.
func isFile(ctx context.Context, root, path string, d fs.DirEntry) (bool, error) {
	if d.Type()&fs.ModeSymlink == 0 {
		return d.Type().IsRegular(), nil
	}
	info, err := storage.Stat(ctx, path)
	if isSilent(ctx, err) {
		return false, err
	}
	if err != nil || !info.IsDir() {
		return err == nil && info.Mode().IsRegular(), nil
	}
	target, err := storage.EvalSymlinks(ctx, path)
	if isSilent(ctx, err) {
		return false, err
	}
	return err == nil && target != root && !strings.HasPrefix(target, root+string(filepath.Separator)), nil
}

// isSilent tells errors that say nothing of a file: the storage does not
// answer, or nobody waits for it any more.
func isSilent(ctx context.Context, err error) bool {
	return err != nil && (ctx.Err() != nil || CodeOf(err) == CodeStorageSilent)
}

// scanned is what came of one file.
type scanned struct {
	entry    entry
	images   []*header // where it is refused, one at most, of which little may be known
	err      error     // nil, errNotDICOM or an *Error
	modified time.Time // of the file; zero where that is not known
	index    bool      // it is a DICOMDIR
	archive  bool      // it is a zip; what is in it is scanned on its own
	blank    bool      // no byte of it is there yet, or none but zeros
	members  []entry
}

// scanFiles reads the headers of all files, in their order, and then those of the
// files in zip archives.
func scanFiles(ctx context.Context, paths []string, opts Options) ([]scanned, error) {
	files := make([]entry, len(paths))
	for i, path := range paths {
		files[i] = entry{path: path}
	}
	found, err := scanAll(ctx, files, opts)
	var members []entry
	for _, s := range found {
		members = append(members, s.members...)
	}
	found = slices.DeleteFunc(found, func(s scanned) bool { return s.archive && s.err == nil })
	if err != nil || len(members) == 0 {
		return found, err
	}
	if len(members)+len(found) > opts.MaxFiles {
		return nil, &Error{Code: CodeLimit, Op: "open folder", Path: members[0].path, Hint: fmt.Sprintf("the folder and its archives hold more than %d files; name the folder of one study", opts.MaxFiles)}
	}
	inside, err := scanAll(ctx, members, opts)
	inside = slices.DeleteFunc(inside, func(s scanned) bool { return s.archive && s.err == nil })
	return append(found, inside...), err
}

// scanAll scans files, in their order. A storage that does not answer for one of
// them ends it: what is not read is not missing.
func scanAll(ctx context.Context, files []entry, opts Options) ([]scanned, error) {
	out := make([]scanned, len(files))
	var images atomic.Int64
	err := forEach(ctx, opts.Workers, len(files), func(i int) error {
		out[i] = scanFile(ctx, files[i], opts)
		if images.Add(int64(len(out[i].images))) > int64(max(opts.MaxFiles, maxFrames)) {
			return &Error{Code: CodeLimit, Op: "open folder", Path: files[i].path, Hint: fmt.Sprintf("the files hold more than %d images; name the folder of one study", max(opts.MaxFiles, maxFrames))}
		}
		if CodeOf(out[i].err) == CodeStorageSilent {
			return out[i].err
		}
		return nil
	})
	return out, err
}

func scanFile(ctx context.Context, e entry, opts Options) (s scanned) {
	f, err := storage.Open(ctx, e.path)
	if isSilent(ctx, err) {
		return scanned{err: err}
	}
	if err != nil {
		s.entry, s.err = e, fileError(e.path, refuse(CodeUnreadable, "the file cannot be opened; check its permissions", err))
		if info, err := storage.Stat(ctx, e.path); err == nil {
			s.modified = info.ModTime()
			if info.IsDir() {
				s.err = fileError(e.path, refuse(CodeUnreadable, "the folder cannot be read; check its permissions", err))
			}
		}
		return s
	}
	defer f.Close()
	s.modified = f.Info.ModTime()
	if f.Info.IsDir() {
		s.entry, s.err = e, fileError(e.path, refuse(CodeUnreadable, "links to folders are not followed; name the folder itself, or copy what it holds", nil))
		return s
	}
	images, err := scanSource(&s, &e, f, opts)
	s.entry, s.index = e, errors.Is(err, errIndex)
	if silent := f.Silent(); silent != nil {
		return scanned{err: silent}
	}
	for _, h := range images {
		h.entry, h.path, h.size, h.modTime = e, e.path, f.Size(), f.Info.ModTime()
	}
	switch {
	case errors.Is(err, errNotDICOM):
		s.err, s.blank = errNotDICOM, e.name == "" && isBlank(f)
	case err != nil:
		s.images, s.err = images, fileError(e.String(), asError(err, CodeUnreadable, "the file cannot be read"))
	default:
		s.images = images
	}
	return s
}

// isBlank tells a file of which nothing has been written: it is empty, or begins
// with zeros where room was made for it.
func isBlank(f *storage.File) bool {
	var b [4096]byte
	n, err := f.ReadAt(b[:], 0)
	return (err == nil || errors.Is(err, io.EOF)) && len(bytes.Trim(b[:n], "\x00")) == 0
}

// scanSource reads the header of a file, unpacked where it is gzipped, and lists
// what a zip holds. An archive within an archive is not opened.
func scanSource(s *scanned, e *entry, f *storage.File, opts Options) ([]*header, error) {
	limit := min(opts.MaxFileBytes, opts.inflateLimit()) // of what is packed: many are read at once
	src := codec.Source(f)
	if e.name != "" {
		var err error
		if src, err = e.source(f, f.Size(), limit); err != nil {
			return nil, err
		}
	}
	h, err := readImages(src, opts.inflateLimit())
	if errors.Is(err, errNotDICOM) && !errors.Is(err, errIndex) {
		switch pack, kind := packed(src); {
		case kind == "":
			return nil, errNotDICOM
		case e.name != "" || pack == packPlain:
			return nil, refuse(CodeArchive, "archives of this kind, and archives within archives, are not opened; unpack it", nil)
		case pack != packGzip:
			s.archive = true
			s.members, err = entries(e.path, f, f.Size(), opts.MaxFiles)
			return nil, err
		}
		e.pack = packGzip
		if src, err = e.source(f, f.Size(), limit); err == nil {
			h, err = readImages(src, opts.inflateLimit())
		}
		if errors.Is(err, errNotDICOM) && !errors.Is(err, errIndex) {
			if _, kind := packed(src); kind != "" {
				return nil, refuse(CodeArchive, "archives within archives are not opened; unpack it", nil)
			}
		}
		if err == nil {
			if err = whole(src, limit); err == nil {
				h, err = readImages(src, opts.inflateLimit()) // its size is known now, and so whether it is cut
			}
		}
	}
	if err == nil && f.Size() > opts.MaxFileBytes && e.name == "" {
		err = refuse(CodeLimit, fmt.Sprintf("the file is larger than %d bytes", opts.MaxFileBytes), nil)
	}
	return h, err
}

// fileError names the file.
func fileError(path string, e *Error) *Error {
	e.Path = path
	return e
}
