package review

import (
	"net/http"

	"github.com/klauspost/compress/gzhttp"
)

// Answers that are compressed: below smallest bytes there is nothing to gain, PNG
// and fonts are compressed already.
const smallest = 1024

// compressing compresses what a handler answers, as far as the browser takes that.
// It is for answers that hold no secret of a session, whose length would tell of it.
var compressing = func() func(http.Handler) http.HandlerFunc {
	wrap, err := gzhttp.NewWrapper(gzhttp.MinSize(smallest), gzhttp.ContentTypes([]string{
		"text/html", "text/css", "text/javascript", "image/svg+xml", "application/json", "application/octet-stream",
	}))
	if err != nil {
		panic("review: " + err.Error()) // the options are wrong
	}
	return wrap
}()

// compressed is a handler whose answer is compressed; its errors are not.
func (s *Server) compressed(h func(http.ResponseWriter, *http.Request) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) (err error) {
		compressing(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { err = h(w, r) })).ServeHTTP(w, r)
		return err
	}
}
