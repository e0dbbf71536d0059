package series

import (
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"unicode"

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
	if path = resolve(path); allowedFile(path, allowed) {
		return path, nil
	}
	return "", coded.New(CodeURIForbidden, op, "the folder is not among those that this service may read; add it to the allowed folders", nil)
}

// allowedFile tells whether path, its links followed, lies within one of the
// allowed folders.
func allowedFile(path string, allowed []string) bool {
	path = resolve(path)
	for _, root := range allowed {
		if abs, err := filepath.Abs(root); err == nil && within(resolve(abs), path) {
			return true
		}
	}
	return false
}

// resolve follows the links of as much of path as exists.
func resolve(path string) string {
	real, err := filepath.EvalSymlinks(path)
	if err == nil {
		return real
	}
	if parent := filepath.Dir(path); parent != path && os.IsNotExist(err) {
		return filepath.Join(resolve(parent), filepath.Base(path))
	}
	return path
}

// within tells whether path is root or lies below it.
func within(root, path string) bool {
	rel, err := filepath.Rel(root, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}
