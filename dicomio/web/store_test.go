package web_test

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/dicomio/web"
)

// shelf takes instances as a PACS does, but answers as a test wants.
type shelf struct {
	t      *testing.T
	mu     sync.Mutex
	held   map[string]int // SOPInstanceUID to how often it was sent
	posts  int
	blind  bool // QIDO-RS finds nothing
	answer func(post int, uids []string, keep func()) (status int, kind, body string)
}

func (s *shelf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Method == http.MethodGet {
		uid := r.URL.Query().Get("SOPInstanceUID")
		if s.held[uid] == 0 || s.blind {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		answerJSON(w, fmt.Sprintf(`[{"00080018":{"vr":"UI","Value":[%q]}}]`, uid))
		return
	}
	_, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || parameters["type"] != "application/dicom" || r.URL.Path != "/rs/studies" {
		s.t.Errorf("sent to %s as %s", r.URL.Path, r.Header.Get("Content-Type"))
	}
	var uids []string
	for reader := multipart.NewReader(r.Body, parameters["boundary"]); ; {
		part, err := reader.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			s.t.Error(err)
			return
		}
		file, err := io.ReadAll(part)
		if err != nil {
			s.t.Error(err)
		}
		id, err := dicomio.Identify(file)
		if err != nil {
			s.t.Error(err)
		}
		uids = append(uids, id.SOPInstanceUID)
	}
	s.posts++
	status, kind, body := s.answer(s.posts, uids, func() {
		for _, uid := range uids {
			s.held[uid]++
		}
	})
	if status == 0 {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

func references(tag string, reason int, uids ...string) string {
	var items []string
	for _, uid := range uids {
		item := fmt.Sprintf(`"00081155":{"vr":"UI","Value":[%q]}`, uid)
		if reason != 0 {
			item += fmt.Sprintf(`,"00081197":{"vr":"US","Value":[%d]}`, reason)
		}
		items = append(items, "{"+item+"}")
	}
	return fmt.Sprintf(`%q:{"vr":"SQ","Value":[%s]}`, tag, strings.Join(items, ","))
}

func TestAnswersToWhatIsStored(t *testing.T) {
	const model = "application/dicom+json"
	for name, c := range map[string]struct {
		answer func(post int, uids []string, keep func()) (int, string, string)
		blind  bool
		want   []web.StoreStatus
		reason int
		code   dicomio.Code
		posts  int
	}{
		"all taken": {posts: 1, want: []web.StoreStatus{web.Stored, web.Stored}, answer: func(_ int, uids []string, keep func()) (int, string, string) {
			keep()
			return 200, model, "{" + references("00081199", 0, uids...) + "}"
		}},
		"taken, in an array": {posts: 1, blind: true, want: []web.StoreStatus{web.Stored, web.Stored}, answer: func(_ int, uids []string, _ func()) (int, string, string) {
			return 200, model, "[{" + references("00081199", 0, uids...) + "}]"
		}},
		"taken, without a word": {posts: 1, want: []web.StoreStatus{web.Stored, web.Stored}, answer: func(_ int, _ []string, keep func()) (int, string, string) {
			keep()
			return 204, "", ""
		}},
		"taken, told in XML": {posts: 1, want: []web.StoreStatus{web.Stored, web.Stored}, answer: func(_ int, _ []string, keep func()) (int, string, string) {
			keep()
			return 200, "application/dicom+xml", "<NativeDicomModel/>"
		}},
		"one of two": {posts: 1, blind: true, reason: 0xA700, code: dicomio.CodeStoreRefused, want: []web.StoreStatus{web.Refused, web.Stored}, answer: func(_ int, uids []string, _ func()) (int, string, string) {
			return 202, model, "{" + references("00081198", 0xA700, uids[0]) + "," + references("00081199", 0, uids[1]) + "}"
		}},
		"none": {posts: 1, reason: 0x0122, code: dicomio.CodeStoreRefused, want: []web.StoreStatus{web.Refused, web.Refused}, answer: func(_ int, uids []string, _ func()) (int, string, string) {
			return 409, model, "{" + references("00081198", 0x0122, uids...) + "}"
		}},
		"none, without a word": {posts: 1, code: dicomio.CodeStoreRefused, want: []web.StoreStatus{web.Refused, web.Refused}, answer: func(int, []string, func()) (int, string, string) {
			return 409, "text/plain", "no"
		}},
		"had them, says so": {posts: 1, blind: true, want: []web.StoreStatus{web.Existed, web.Existed}, reason: 0x0111, answer: func(_ int, uids []string, _ func()) (int, string, string) {
			return 409, model, "{" + references("00081198", 0x0111, uids...) + "}"
		}},
		"took them and fell silent": {posts: 1, want: []web.StoreStatus{web.Stored, web.Stored}, answer: func(_ int, _ []string, keep func()) (int, string, string) {
			keep()
			return 0, "", ""
		}},
		"failed once": {posts: 2, want: []web.StoreStatus{web.Stored, web.Stored}, answer: func(post int, _ []string, keep func()) (int, string, string) {
			if post == 1 {
				return 500, "", ""
			}
			keep()
			return 200, model, "{}"
		}},
		"is busy":      {posts: 4, code: dicomio.CodeUnreachable, answer: func(int, []string, func()) (int, string, string) { return 503, "", "" }},
		"is read only": {posts: 1, code: dicomio.CodeDenied, answer: func(int, []string, func()) (int, string, string) { return 403, "", "" }},
	} {
		t.Run(name, func(t *testing.T) {
			s := &shelf{t: t, held: map[string]int{}, answer: c.answer, blind: c.blind}
			client := faulty(t, nil, s.ServeHTTP)
			results, err := client.Store(t.Context(), mustEncode(t, dicomtest.Spec{SeriesUID: "1.2.1"}), mustEncode(t, dicomtest.Spec{SeriesUID: "1.2.2"}))
			if dicomio.CodeOf(err) != c.code {
				t.Errorf("error %v, want code %q", err, c.code)
			}
			var got []web.StoreStatus
			for _, r := range results {
				got = append(got, r.Status)
				if r.Status != web.Stored && r.Reason != c.reason {
					t.Errorf("reason %#x, want %#x", r.Reason, c.reason)
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%v, want %v", got, c.want)
			}
			if s.posts != c.posts {
				t.Errorf("%d requests to store, want %d", s.posts, c.posts)
			}
			for uid, n := range s.held {
				if n != 1 {
					t.Errorf("instance %s was taken %d times", uid, n)
				}
			}
		})
	}
}

// TestWhatWasTakenIsNotSentAgain breaks off after the first of three was taken.
func TestWhatWasTakenIsNotSentAgain(t *testing.T) {
	var sent [][]string
	s := &shelf{t: t, held: map[string]int{}}
	s.answer = func(post int, uids []string, keep func()) (int, string, string) {
		sent = append(sent, uids)
		if post == 1 {
			s.held[uids[0]]++
			return 0, "", ""
		}
		keep()
		return 200, "application/dicom+json", "{}"
	}
	client := faulty(t, nil, s.ServeHTTP)
	var files [][]byte
	for n := range 3 {
		files = append(files, mustEncode(t, dicomtest.Spec{SeriesUID: fmt.Sprintf("1.2.%d", n)}))
	}
	results, err := client.Store(t.Context(), files...)
	if err != nil || len(results) != 3 || len(sent) != 2 || len(sent[1]) != 2 || slices.Contains(sent[1], sent[0][0]) {
		t.Errorf("%v, %v, sent %v", results, err, sent)
	}
}

func TestStoreInSeveralRequests(t *testing.T) {
	s := &shelf{t: t, held: map[string]int{}, answer: func(_ int, _ []string, keep func()) (int, string, string) {
		keep()
		return 200, "application/dicom+json", "{}"
	}}
	var files [][]byte
	for n := range 5 {
		files = append(files, mustEncode(t, dicomtest.Spec{SeriesUID: fmt.Sprintf("1.2.%d", n)}))
	}
	client := faulty(t, func(o *web.Options) { o.MaxStoreBytes = int64(2*len(files[0]) + 10) }, s.ServeHTTP)
	if results, err := client.Store(t.Context(), files...); err != nil || len(results) != 5 || s.posts != 3 || len(s.held) != 5 {
		t.Errorf("%v, %v, %d requests", results, err, s.posts)
	}
	small := faulty(t, func(o *web.Options) { o.MaxStoreBytes = 10 }, s.ServeHTTP)
	_, err := small.Store(t.Context(), files[0])
	wantCode(t, err, dicomio.CodeLimit)
	if results, err := small.Store(t.Context()); err != nil || len(results) != 0 {
		t.Error(results, err)
	}
}
