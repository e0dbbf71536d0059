package plugin

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/internal/atomicfile"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/plugin/audit"
	"github.com/nodulescope/nodulescope/plugin/outbox"
)

// controlFile says, to who may read the data folder, how the running service
// is asked for what only it can open: the ledger.
const controlFile = "control.json"

const (
	maxControlBytes = 4 << 20
	controlTimeout  = 2 * time.Minute // a set of models is read in it
)

type controlAddress struct {
	URL   string `json:"url"`
	Token string `json:"token"`
}

// control answers for outbox, backups and models, on a port of this machine that only those
// reach who may read the data folder.
func (p *Plugin) control(ctx context.Context, k *kept, trail *audit.Trail) (stop func(), err error) {
	const op = "open control port"
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, coded.New(CodeSettings, op, "no port of this machine is free", err)
	}
	address := controlAddress{URL: "http://" + listener.Addr().String(), Token: rand.Text()}
	path := filepath.Join(p.cfg.DataDir, controlFile)
	text, err := json.Marshal(address)
	if err == nil {
		err = atomicfile.WriteBytes(path, 0o600, text)
	}
	if err != nil {
		return nil, errors.Join(coded.New(CodeSettings, op, "the data folder cannot be written", err), listener.Close())
	}
	server := &http.Server{
		Handler: p.controlHandler(k, trail, address.Token), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: controlTimeout,
		WriteTimeout: controlTimeout, MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(p.log.Handler(), slog.LevelDebug),
		BaseContext: func(net.Listener) context.Context { return ctx }, // a backup holds jobs up: it must not hold up a stop
	}
	go func() { _ = server.Serve(listener) }() // it ends with stop
	return func() {
		_ = os.Remove(path) // one that stays names a port on which nobody answers
		_ = server.Close()  // what is asked meanwhile can be asked again
	}, nil
}

// controlHandler answers GET and POST /outbox, and POST /backup, with the token
// alone.
func (p *Plugin) controlHandler(k *kept, trail *audit.Trail, token string) http.Handler {
	mux, store := http.NewServeMux(), k.outbox
	answer := func(w http.ResponseWriter, v any, err error) {
		switch {
		case errors.Is(err, outbox.ErrNotThere):
			http.Error(w, "not there", http.StatusNotFound)
		case err != nil:
			http.Error(w, "failed", http.StatusInternalServerError)
		default:
			writeJSON(w, http.StatusOK, v)
		}
	}
	mux.HandleFunc("GET /outbox", func(w http.ResponseWriter, _ *http.Request) {
		list, err := store.List()
		answer(w, list, err)
	})
	mux.HandleFunc("POST /outbox", func(w http.ResponseWriter, r *http.Request) {
		var numbers []uint64
		if !readBody(w, r, &numbers) {
			return
		}
		n, err := store.Resend(numbers...)
		answer(w, n, err)
	})
	mux.HandleFunc("POST /backup", func(w http.ResponseWriter, r *http.Request) {
		slow := http.NewResponseController(w)
		if err := errors.Join(slow.SetReadDeadline(time.Time{}), slow.SetWriteDeadline(time.Now().Add(backupLimit+controlTimeout))); err != nil {
			answer(w, nil, err)
			return
		}
		m, err := p.answerBackup(r.Context(), k, r.Body)
		if err != nil {
			writeJSON(w, http.StatusUnprocessableEntity, bus.ProblemOf(err))
			return
		}
		writeJSON(w, http.StatusOK, m)
	})
	mux.HandleFunc("POST /models", p.answerModels(trail))
	mux.HandleFunc("POST /shadow", p.answerShadow(trail))
	return http.MaxBytesHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		given, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !found || subtle.ConstantTimeCompare([]byte(given), []byte(token)) != 1 {
			http.Error(w, "unauthorized", http.StatusUnauthorized)
			return
		}
		mux.ServeHTTP(w, r)
	}), 1<<20)
}

// readBody reads what is asked; where it cannot, it answers and returns false.
func readBody(w http.ResponseWriter, r *http.Request, into any) bool {
	err := json.NewDecoder(r.Body).Decode(into)
	if err != nil {
		http.Error(w, "the body cannot be read", http.StatusBadRequest)
	}
	return err == nil
}

// Outbox lists what the service of a data folder has yet to send to a PACS, and
// what a PACS refused, whether that service runs or not. Codes: ledger_failed,
// ledger_locked.
func Outbox(ctx context.Context, dataDir string) (list []outbox.Letter, err error) {
	err = withOutbox(ctx, dataDir, http.MethodGet, nil, &list, func(s *outbox.Store) error {
		list, err = s.List()
		return err
	})
	return list, err
}

// Resend has letters tried again: those with the numbers given, or all that
// were refused where none is given. It returns how many these are. The error
// wraps outbox.ErrNotThere where a number is not there.
func Resend(ctx context.Context, dataDir string, numbers ...uint64) (n int, err error) {
	if numbers == nil {
		numbers = []uint64{}
	}
	err = withOutbox(ctx, dataDir, http.MethodPost, numbers, &n, func(s *outbox.Store) error {
		n, err = s.Resend(numbers...)
		return err
	})
	return n, err
}

// withOutbox asks the running service, or opens the ledger where none runs.
func withOutbox(ctx context.Context, dataDir, method string, body, into any, own func(*outbox.Store) error) error {
	const op = "read outbox"
	if _, err := os.Stat(ledgerFile(dataDir)); errors.Is(err, fs.ErrNotExist) {
		return coded.New(CodeLedger, op, "the data folder holds no ledger: name the service's data folder", nil)
	}
	asked, err := ask(ctx, dataDir, method, "/outbox", controlTimeout, body, into)
	if asked {
		return err
	}
	k, err := openKept(dataDir)
	if err != nil {
		return err
	}
	if err := own(k.outbox); err != nil {
		return errors.Join(err, k.Close())
	}
	return k.Close()
}

// ask asks the running service; asked is false where none answers.
func ask(ctx context.Context, dataDir, method, path string, limit time.Duration, body, into any) (asked bool, err error) {
	const op = "ask service"
	text, err := os.ReadFile(filepath.Join(dataDir, controlFile))
	var address controlAddress
	if err != nil || json.Unmarshal(text, &address) != nil {
		return false, nil //nolint:nilerr // no service runs, or it does not say where
	}
	if text, err = json.Marshal(body); err != nil {
		return true, err
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, address.URL+path, strings.NewReader(string(text)))
	if err != nil {
		return false, nil //nolint:nilerr // the file is damaged
	}
	request.Header.Set("Authorization", "Bearer "+address.Token)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil && ctx.Err() != nil {
		return true, coded.New(CodeInternal, op, "the service did not answer in time, and may yet do what was asked: look before you ask again", err)
	}
	if err != nil {
		return false, nil //nolint:nilerr // a service that was killed
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return true, outbox.ErrNotThere
	case http.StatusUnprocessableEntity:
		var why bus.Problem
		if err := json.NewDecoder(io.LimitReader(response.Body, maxControlBytes)).Decode(&why); err != nil {
			return true, coded.New(CodeInternal, op, "its answer cannot be read", err)
		}
		return true, coded.New(Code(why.Code), op, strings.TrimSuffix(why.Message, " ("+why.Code+")"), nil)
	case http.StatusUnauthorized: // another program has the port of a service that was killed
		return false, nil
	default:
		return true, coded.New(CodeLedger, op, "the service could not do this; see its log", nil)
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxControlBytes)).Decode(into); err != nil {
		return true, coded.New(CodeInternal, op, "its answer cannot be read", err)
	}
	return true, nil
}
