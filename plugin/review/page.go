package review

import (
	"errors"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"

	"github.com/nodulescope/nodulescope/plugin/review/internal/answer"
)

// getPage serves the files of the page. What is no file and has no dot is a
// place within the page.
func (s *Server) getPage(w http.ResponseWriter, r *http.Request) error {
	if s.cfg.Page == nil || strings.HasPrefix(r.URL.Path, "/api/") || strings.HasPrefix(r.URL.Path, "/auth/") {
		return answer.NotFound()
	}
	name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
	if name == "" || !strings.Contains(path.Base(name), ".") {
		name = "index.html"
	}
	if !fs.ValidPath(name) {
		return answer.NotFound()
	}
	f, err := s.cfg.Page.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return answer.NotFound()
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return answer.NotFound()
	}
	content, ok := f.(io.ReadSeeker)
	if !ok {
		return errors.New("a file of the page cannot be read")
	}
	if kind := mime.TypeByExtension(path.Ext(name)); kind != "" {
		w.Header().Set("Content-Type", kind)
	} else {
		w.Header().Set("Content-Type", "application/octet-stream")
	}
	switch path.Ext(name) { // a machine's own table of types may be wrong
	case ".js", ".mjs":
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
	case ".css":
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
	case ".wasm":
		w.Header().Set("Content-Type", "application/wasm")
	}
	if strings.HasPrefix(name, "assets/") { // named by their content; no patient's data
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	size, err := content.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = content.Seek(0, io.SeekStart)
	}
	if err != nil {
		return err
	}
	w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
	if r.Method == http.MethodHead {
		return nil
	}
	_, _ = io.Copy(w, content) // a client that went away
	return nil
}
