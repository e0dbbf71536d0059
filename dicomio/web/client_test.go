package web_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/web"
)

// What Orthanc cannot be made to do, a server of the test does: faults.

// faulty is a client of a server that answers as handler says.
func faulty(t *testing.T, change func(*web.Options), handler http.HandlerFunc) *web.Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	opts := web.Options{URL: server.URL + "/rs", RetryDelay: time.Millisecond, Timeout: 10 * time.Second}
	if change != nil {
		change(&opts)
	}
	return connect(t, opts)
}

func answerJSON(w http.ResponseWriter, text string) {
	w.Header().Set("Content-Type", "application/dicom+json; charset=utf-8")
	_, _ = io.WriteString(w, text)
}

func TestStatusesBecomeCodes(t *testing.T) {
	for status, want := range map[int]struct {
		code  dicomio.Code
		asked int32
	}{
		200: {"", 1}, 204: {"", 1},
		301: {dicomio.CodeRefusedThere, 1}, 302: {dicomio.CodeRefusedThere, 1},
		400: {dicomio.CodeRefusedThere, 1}, 401: {dicomio.CodeDenied, 1}, 403: {dicomio.CodeDenied, 1},
		404: {dicomio.CodeNotStored, 1}, 406: {dicomio.CodeRefusedThere, 1}, 410: {dicomio.CodeNotStored, 1},
		429: {dicomio.CodeUnreachable, 3}, 500: {dicomio.CodeArchiveFailed, 3}, 501: {dicomio.CodeArchiveFailed, 3},
		502: {dicomio.CodeUnreachable, 3}, 503: {dicomio.CodeUnreachable, 3}, 504: {dicomio.CodeUnreachable, 3},
	} {
		var asked atomic.Int32
		client := faulty(t, func(o *web.Options) { o.Attempts = 3 }, func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, "/elsewhere") {
				t.Error("a redirect was followed")
			}
			asked.Add(1)
			w.Header().Set("Location", "/elsewhere")
			w.Header().Set("Content-Type", "application/dicom+json")
			w.WriteHeader(status)
			if status == http.StatusOK {
				_, _ = io.WriteString(w, "[]")
			} else if status != http.StatusNoContent {
				_, _ = io.WriteString(w, "Doe^Jane 1.2.3 is unknown")
			}
		})
		_, err := client.Series(t.Context(), "1.2.3", web.Query{Match: map[string]string{"SeriesInstanceUID": "1.2.3"}})
		wantCode(t, err, want.code)
		if asked.Load() != want.asked {
			t.Errorf("status %d: asked %d times, want %d", status, asked.Load(), want.asked)
		}
		if err != nil && strings.Contains(err.Error(), "Doe") {
			t.Errorf("status %d: the error tells what the server wrote: %v", status, err)
		}
	}
}

func TestAnswersThatHealAreAskedForAgain(t *testing.T) {
	var asked atomic.Int32
	client := faulty(t, nil, func(w http.ResponseWriter, _ *http.Request) {
		switch asked.Add(1) {
		case 1:
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusServiceUnavailable)
		case 2: // cut in the middle of a body
			w.Header().Set("Content-Type", "application/dicom+json")
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, `[{"0020000D":{"vr":"UI","Value":["1.2.3"]}},`)
		case 3: // no answer at all
			panic(http.ErrAbortHandler)
		case 4:
			answerJSON(w, `[{"0020000D":{"vr":"UI","Value":["1.2.3"]},"00080020":{"vr":"DA"}}]`)
		default:
			answerJSON(w, `[]`)
		}
	})
	found, err := client.Studies(t.Context(), web.Query{})
	if err != nil || len(found) != 1 || found[0].Text(web.TagStudyUID) != "1.2.3" {
		t.Errorf("%v, %v", found, err)
	}
	if _, ok := found[0].Int(0x00080020); ok {
		t.Error("an empty element became a number")
	}
}

func TestASlowServerIsNotWaitedForForEver(t *testing.T) {
	release := make(chan struct{})
	client := faulty(t, func(o *web.Options) { o.Timeout, o.Attempts = 50*time.Millisecond, 2 }, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	defer close(release)
	_, err := client.Studies(t.Context(), web.Query{})
	wantCode(t, err, dicomio.CodeArchiveFailed)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := client.Studies(ctx, web.Query{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a question that was called off: %v", err)
	}
}

func TestNobodyThere(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	url := server.URL
	server.Close()
	_, err := connect(t, web.Options{URL: url, Attempts: 2, RetryDelay: time.Millisecond}).Studies(t.Context(), web.Query{})
	wantCode(t, err, dicomio.CodeUnreachable)
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	_, err = connect(t, web.Options{URL: strings.Replace(plain.URL, "http:", "https:", 1)}).Studies(t.Context(), web.Query{})
	wantCode(t, err, dicomio.CodeRefusedThere)
}

func TestATokenIsReadAnew(t *testing.T) {
	var seen []string
	file := filepath.Join(t.TempDir(), "token")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("first\n")
	client := faulty(t, func(o *web.Options) { o.TokenFile = file }, func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Header.Get("Authorization"))
		answerJSON(w, "[]")
	})
	for _, token := range []string{"first", "second"} {
		write(token + "\r\n")
		if _, err := client.Studies(t.Context(), web.Query{}); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Join(seen, ","); got != "Bearer first,Bearer second" {
		t.Error(got)
	}
	write("two\nlines")
	_, err := client.Studies(t.Context(), web.Query{})
	wantCode(t, err, dicomio.CodeDenied)
	if strings.Contains(err.Error(), "two") {
		t.Errorf("the error tells the token: %v", err)
	}
}

func TestLogsAndErrorsTellNothing(t *testing.T) {
	var log strings.Builder
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("topsecret"), 0o600); err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, broken := range []bool{false, true} {
		client := faulty(t, func(o *web.Options) {
			o.User, o.PasswordFile = "somebody", secret
			o.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
			o.Attempts = 1
		}, func(w http.ResponseWriter, r *http.Request) {
			if user, password, _ := r.BasicAuth(); user != "somebody" || password != "topsecret" {
				t.Error("signed in wrongly")
			}
			if broken {
				panic(http.ErrAbortHandler)
			}
			answerJSON(w, `[{"00100010":{"vr":"PN","Value":["Doe^Jane"]}}]`)
		})
		_, err := client.Studies(t.Context(), web.Query{Match: map[string]string{"PatientID": "P-4711"}})
		fmt.Fprintln(&all, err)
		_, err = client.Instance(t.Context(), "1.2.3", "1.2.3.4", "1.2.3.4.5")
		fmt.Fprintln(&all, err)
		_, err = client.Open(t.Context(), "1.2.3", "1.2.3.4", dicomio.Options{})
		fmt.Fprintln(&all, err)
	}
	all.WriteString(log.String())
	for _, word := range []string{"Doe", "4711", "1.2.3", "topsecret", "somebody", "127.0.0.1/", "studies/"} {
		if strings.Contains(all.String(), word) {
			t.Errorf("%q stands in errors or logs:\n%s", word, all.String())
		}
	}
	if !strings.Contains(log.String(), "pacs asked") {
		t.Error("nothing was logged")
	}
}

func TestOptionsAreChecked(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "f")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, opts := range map[string]web.Options{
		"no address":         {},
		"other scheme":       {URL: "ftp://host/x"},
		"no host":            {URL: "https:///x"},
		"credentials":        {URL: "https://user:topsecret@host/x"},
		"query":              {URL: "https://host/x?a=topsecret"},
		"fragment":           {URL: "https://host/x#a"},
		"user alone":         {URL: "https://host", User: "u"},
		"password alone":     {URL: "https://host", PasswordFile: file},
		"two ways":           {URL: "https://host", User: "u", PasswordFile: file, TokenFile: file},
		"colon":              {URL: "https://host", User: "u:v", PasswordFile: file},
		"missing token":      {URL: "https://host", TokenFile: filepath.Join(dir, "none")},
		"in the clear":       {URL: "http://host", TokenFile: file},
		"authority for http": {URL: "http://host", CAFile: file},
		"no certificate":     {URL: "https://host", CAFile: file},
		"half a pair":        {URL: "https://host", CertFile: file},
		"no pair":            {URL: "https://host", CertFile: file, KeyFile: file},
		"negative":           {URL: "https://host", Timeout: -1},
		"too parallel":       {URL: "https://host", Parallel: 1000},
	} {
		_, err := web.New(opts)
		if !errors.Is(err, web.ErrOptions) {
			t.Errorf("%s: %v", name, err)
		} else if strings.Contains(err.Error(), "topsecret") {
			t.Errorf("%s: the error tells the secret: %v", name, err)
		}
	}
	for _, opts := range []web.Options{
		{URL: "https://host/dicom-web/"}, {URL: "http://127.0.0.1:8042/dicom-web", TokenFile: file},
		{URL: "http://host", User: "u", PasswordFile: file, AllowPlainHTTP: true},
	} {
		if c, err := web.New(opts); err != nil || strings.HasSuffix(c.URL(), "/") {
			t.Errorf("%+v: %v", opts, err)
		}
	}
}
