package storage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/nodulescope/nodulescope/internal/coded"
)

// CodeSilent says that a storage does not answer: no fault of what was read.
const CodeSilent coded.Code = "storage_silent"

// Patience is how long one system call is waited for, and a tenth of it where
// another one hangs at the same place.
const Patience = 10 * time.Second

var patience = Patience // tests have less

const (
	perPlace = 4  // calls that hang at one place before others are refused
	inAll    = 64 // and everywhere: each holds a thread of the system
)

// calls counts what hangs: what has not come back in time.
type calls struct {
	mu   sync.Mutex
	at   map[string]int // by place
	now  int
	left uint64 // since the start
}

var hung = calls{at: map[string]int{}}

// Count tells of calls that were left behind.
type Count struct {
	Now    int    // that have not ended yet
	Places int    // where they hang
	Total  uint64 // since the process began
}

// Hung counts the calls that were left behind.
func Hung() Count {
	hung.mu.Lock()
	defer hung.mu.Unlock()
	return Count{Now: hung.now, Places: len(hung.at), Total: hung.left}
}

// wait is how long a call at a place may take; 0: it is not to be made.
func (c *calls) wait(at string) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch n := c.at[at]; {
	case n >= perPlace || n > 0 && c.now >= inAll: // what hangs elsewhere is no reason to refuse a place that answers
		return 0
	case n > 0:
		return patience / 10
	}
	return patience
}

func (c *calls) add(at string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now += n
	if c.at[at] += n; c.at[at] == 0 {
		delete(c.at, at)
	}
	if n > 0 {
		c.left++
	}
}

// do runs a system call on path, or leaves it behind. late gets what it
// returned after that.
func do[T any](ctx context.Context, op, at string, call func() (T, error), late func(T)) (v T, err error) {
	if err := ctx.Err(); err != nil {
		return v, err
	}
	wait := hung.wait(at)
	if wait == 0 {
		return v, silent(op, "several reads of this storage hang already; is its server there?")
	}
	type answer struct {
		v   T
		err error
	}
	var mu sync.Mutex
	var left, ended, counted bool
	began := time.Now()
	answers := make(chan answer, 1)
	go func() {
		v, err := call()
		mu.Lock()
		defer mu.Unlock()
		ended = true
		if !left {
			answers <- answer{v, err}
			return
		}
		if counted {
			hung.add(at, -1)
		}
		if late != nil && err == nil {
			late(v)
		}
	}()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case a := <-answers:
		return a.v, a.err
	case <-ctx.Done():
		err = ctx.Err()
	case <-timer.C:
		err = silent(op, fmt.Sprintf("no answer of the storage within %s; is its server there?", wait))
	}
	mu.Lock()
	defer mu.Unlock()
	select {
	case a := <-answers: // just in time
		return a.v, a.err
	default:
	}
	left = true
	count := func() {
		if !ended {
			counted = true
			hung.add(at, +1)
		}
	}
	if rest := time.Until(began.Add(wait)); rest > 0 { // the caller has gone; that is no fault of the storage
		time.AfterFunc(rest, func() {
			mu.Lock()
			defer mu.Unlock()
			count()
		})
		return v, err
	}
	count()
	return v, err
}

func silent(op, hint string) error { return coded.New(CodeSilent, op, hint, nil) }

// File is an open file for reading.
type File struct {
	Info fs.FileInfo // when it was opened

	ctx context.Context //nolint:containedctx // io.ReaderAt has none
	f   *os.File
	at  string

	mu     sync.Mutex
	silent error
}

// Open opens a file. ctx also ends reads of it.
func Open(ctx context.Context, path string) (*File, error) {
	at := place(path)
	type opened struct {
		f    *os.File
		info fs.FileInfo
	}
	o, err := do(ctx, "open file", at, func() (o opened, err error) {
		if o.f, err = os.Open(path); err != nil { //nolint:gosec // the caller says which files may be read
			return o, err
		}
		if o.info, err = o.f.Stat(); err != nil {
			_ = o.f.Close()
		}
		return o, err
	}, func(o opened) { _ = o.f.Close() })
	if err != nil {
		return nil, err
	}
	return &File{Info: o.info, ctx: ctx, f: o.f, at: at}, nil
}

// Size is the length in bytes when the file was opened.
func (f *File) Size() int64 { return f.Info.Size() }

// ReadAt implements io.ReaderAt. After a read that was left behind, every other
// one fails like it.
func (f *File) ReadAt(p []byte, offset int64) (int, error) {
	if err := f.Silent(); err != nil {
		return 0, err
	}
	type part struct {
		b   *[]byte
		n   int
		err error // io.EOF comes with bytes
	}
	got, err := do(f.ctx, "read file", f.at, func() (part, error) {
		b := buffers.Get().(*[]byte) // p is the caller's, who may not wait
		*b = slices.Grow((*b)[:0], len(p))[:len(p)]
		n, err := f.f.ReadAt(*b, offset)
		return part{b, n, err}, nil
	}, nil)
	if err != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.silent = err
		return 0, err
	}
	n := copy(p, (*got.b)[:got.n])
	if cap(*got.b) <= maxKept {
		buffers.Put(got.b) // that of a read which was left behind is its own for good
	}
	return n, got.err
}

// buffers are kept from one read to the next.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

const maxKept = 4 << 20

// Silent is the error of the read that was left behind, nil where none was:
// for callers whose decoders may swallow it.
func (f *File) Silent() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.silent
}

// Close closes the file, without waiting for a read that hangs.
func (f *File) Close() error {
	if f.Silent() != nil {
		go func() { _ = f.f.Close() }()
		return nil
	}
	return f.f.Close()
}

// Stat is os.Stat.
func Stat(ctx context.Context, path string) (fs.FileInfo, error) {
	return do(ctx, "look at file", place(path), func() (fs.FileInfo, error) { return os.Stat(path) }, nil)
}

// EvalSymlinks is filepath.EvalSymlinks.
func EvalSymlinks(ctx context.Context, path string) (string, error) {
	return do(ctx, "follow links", place(path), func() (string, error) { return filepath.EvalSymlinks(path) }, nil)
}

// WalkDir is filepath.WalkDir of a folder. A call that was left behind ends it.
func WalkDir(ctx context.Context, root string, fn fs.WalkDirFunc) error {
	tree := folder{ctx: ctx, root: root}
	return fs.WalkDir(tree, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil && (ctx.Err() != nil || coded.CodeOf(err) == CodeSilent) {
			return err
		}
		return fn(tree.path(path), d, err)
	})
}

// folder is a folder as a file system.
type folder struct {
	ctx  context.Context //nolint:containedctx // fs.FS has none
	root string
}

func (f folder) path(name string) string { return filepath.Join(f.root, filepath.FromSlash(name)) }

// Open implements fs.FS; a walk has no use for it.
func (f folder) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
}

// Stat implements fs.StatFS.
func (f folder) Stat(name string) (fs.FileInfo, error) {
	path := f.path(name)
	return do(f.ctx, "look at file", place(path), func() (fs.FileInfo, error) { return os.Lstat(path) }, nil)
}

// ReadDir implements fs.ReadDirFS.
func (f folder) ReadDir(name string) ([]fs.DirEntry, error) {
	path := f.path(name)
	const op = "list folder"
	at := place(path)
	d, err := do(f.ctx, op, at, func() (*os.File, error) { return os.Open(path) }, //nolint:gosec // the caller says which folders may be read
		func(d *os.File) { _ = d.Close() })
	if err != nil {
		return nil, err
	}
	type list struct {
		entries []fs.DirEntry
		err     error // may come with entries
	}
	var all list
	for all.err == nil { // a folder of thousands of files may take longer than one call
		l, err := do(f.ctx, op, at, func() (l list, _ error) {
			l.entries, l.err = d.ReadDir(listedAtOnce)
			return l, nil
		}, nil)
		if err != nil {
			go func() { _ = d.Close() }() // it may hang, too
			return nil, err
		}
		all = list{append(all.entries, l.entries...), l.err}
	}
	_ = d.Close()
	slices.SortFunc(all.entries, func(a, b fs.DirEntry) int { return cmp.Compare(a.Name(), b.Name()) })
	if errors.Is(all.err, io.EOF) {
		all.err = nil
	}
	return all.entries, all.err
}

// listedAtOnce is how many names one call asks for.
const listedAtOnce = 256
