package series

import (
	"cmp"
	"context"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"unicode"

	"github.com/nodulescope/nodulescope/dicomio/storage"
	"github.com/nodulescope/nodulescope/internal/coded"
)

// FileURI is the file:// URI of a folder, as a job carries it. A relative path
// is taken from the working directory.
func FileURI(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", coded.New(CodeURIUnsupported, "name folder", "the folder has no absolute path", err)
	}
	path := filepath.ToSlash(abs)
	if !strings.HasPrefix(path, "/") { // a drive letter
		path = "/" + path
	}
	return (&url.URL{Scheme: "file", Path: path}).String(), nil
}

// FolderOf is the folder that a file:// URI names. Other schemes and hosts are
// refused with CodeURIUnsupported.
//
// With allowed folders the one that is named must lie in one of them, or be
// one of them, after links are followed; otherwise it is refused with
// CodeURIForbidden, whether it exists or not. What is returned is the path
// that was checked.
func FolderOf(uri string, allowed []string) (string, error) {
	const op = "read uri"
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "file" || u.Host != "" && u.Host != "localhost" || u.User != nil ||
		!strings.HasPrefix(u.Path, "/") || strings.ContainsFunc(u.Path, unicode.IsControl) {
		return "", coded.New(CodeURIUnsupported, op, "only folders on this machine are read: file:///folder", nil)
	}
	path := u.Path
	if runtime.GOOS == "windows" {
		path = strings.TrimPrefix(path, "/")
	}
	path = filepath.Clean(filepath.FromSlash(path))
	if !filepath.IsAbs(path) {
		return "", coded.New(CodeURIUnsupported, op, "the folder must be absolute: file:///folder", nil)
	}
	if len(allowed) == 0 {
		return path, nil
	}
	path, err = resolve(path)
	if err != nil {
		return "", err
	}
	switch inside, err := allowedFile(path, allowed); {
	case err != nil:
		return "", err
	case inside:
		return path, nil
	}
	return "", coded.New(CodeURIForbidden, op, "the folder is not among those that this service may read; add it to the allowed folders", nil)
}

// allowedFile tells whether path, its links followed, lies within one of the
// allowed folders. A storage that does not answer is an error: where its links
// lead is not known then.
func allowedFile(path string, allowed []string) (bool, error) {
	path, err := resolve(path)
	if err != nil {
		return false, err
	}
	for _, root := range allowed {
		abs, failed := filepath.Abs(root)
		if failed != nil {
			continue
		}
		real, silent := resolve(abs)
		if silent == nil && within(real, path) {
			return true, nil
		}
		err = cmp.Or(err, silent) // the others may have it
	}
	return false, err
}

// resolve follows the links of as much of path as exists. Its only error is
// that of a storage that does not answer.
func resolve(path string) (string, error) {
	real, err := storage.EvalSymlinks(context.Background(), path) // it has a limit of its own
	switch {
	case err == nil:
		return real, nil
	case coded.CodeOf(err) == storage.CodeSilent:
		return "", err
	}
	parent := filepath.Dir(path)
	if parent == path || !os.IsNotExist(err) {
		return path, nil
	}
	if parent, err = resolve(parent); err != nil {
		return "", err
	}
	return filepath.Join(parent, filepath.Base(path)), nil
}

// within tells whether path is root or lies below it.
func within(root, path string) bool {
	rel, err := filepath.Rel(root, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}
