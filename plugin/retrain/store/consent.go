package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/internal/digest"
	"github.com/nodulescope/nodulescope/internal/smallfile"
)

// ConsentTime is how long a request waits for a second person.
const ConsentTime = 72 * time.Hour

const forConsent = "nodulescope model consent 1\n"

// Request is a change that waits for the consent of a second person.
type Request struct {
	ID      string    `json:"id"`
	Change  Change    `json:"change"`
	From    Promotion `json:"from"` // what scored when it was asked for
	To      Promotion `json:"to"`   // what would
	Asked   time.Time `json:"asked"`
	Expires time.Time `json:"expires"`
}

// Consent is how many persons it takes to change what scores, and what was asked for.
type Consent struct {
	Schema  int      `json:"schema"`
	Persons int      `json:"persons"` // 1 or 2
	Request *Request `json:"request,omitempty"`
	Void    string   `json:"void,omitempty"` // why the request can no longer be approved; not kept
}

func (s *Store) consentFile() string { return filepath.Join(s.dir, "consent.json") }

// Consent is what it takes to change what scores. Code: CodeDamaged.
func (s *Store) Consent() (c Consent, err error) {
	if c, err = s.readConsent(); err != nil || c.Request == nil {
		return c, err
	}
	now, err := s.Current()
	if err == nil {
		if void := s.void(*c.Request, now); void != nil {
			c.Void = void.Error()
		}
	}
	return c, err
}

func (s *Store) readConsent() (c Consent, err error) {
	text, err := smallfile.Read(s.consentFile(), maxPromotedBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return Consent{Schema: Schema, Persons: 1}, nil
	}
	key, keyErr := s.Key()
	if err = errors.Join(err, keyErr); err == nil {
		_, err = unseal(text, forConsent, &c, key)
	}
	if err == nil && (c.Schema != Schema || c.Persons < 1 || c.Persons > 2) {
		err = fmt.Errorf("schema %d, %d persons", c.Schema, c.Persons)
	}
	if err != nil {
		return c, coded.New(CodeDamaged, "read consent", "it cannot be told how many persons a promotion takes: restore consent.json in the folder of models, or remove it and start the service again", err)
	}
	return c, nil
}

// writeConsent needs the lock.
func (s *Store) writeConsent(c Consent) error {
	key, err := s.signingKey()
	if err != nil {
		return err
	}
	c.Void = ""
	text, err := seal(key, forConsent, c)
	if err != nil {
		return coded.New(CodeFailed, "write consent", "it cannot be written", err)
	}
	return writeFile(s.consentFile(), text)
}

// RequireConsent has a change of what scores take one person or two from now on,
// whoever asks for it; changed says that it was otherwise. What was asked for is
// dropped where one person is enough. note keeps that first. Another process that writes
// the store is waited for, 30 s.
func (s *Store) RequireConsent(ctx context.Context, persons int, note func() error) (changed bool, err error) {
	c, err := s.readConsent()
	if err != nil || c.Persons == persons {
		return false, err
	}
	unlock, err := s.lockPatiently(ctx)
	if err != nil {
		return false, err
	}
	defer unlock()
	if err := note(); err != nil {
		return false, err
	}
	return true, s.writeConsent(Consent{Schema: Schema, Persons: persons})
}

// void is why a request can no longer be approved; nil: it can.
func (s *Store) void(r Request, now Promotion) error {
	const op = "approve change"
	refuse := func(why string) error {
		return coded.New(CodeConsentVoid, op, why+": withdraw the request, look again, and ask anew", nil)
	}
	if s.now().After(r.Expires) {
		return refuse(fmt.Sprintf("nobody approved it within %d hours", int(ConsentTime.Hours())))
	}
	if now.Version != r.From.Version || now.Set != r.From.Set {
		return refuse("other models score by now than when it was asked for")
	}
	m, err := s.Find(r.To.Version)
	if err != nil || m.Set != r.To.Set {
		return refuse("the version is no longer what it was when it was asked for")
	}
	if r.To.Gate == "" {
		return nil
	}
	if report, err := s.Comparison(m.Set, now.Set); err != nil || report == nil || digest.Of(report) != r.To.Gate {
		return refuse("the comparison that allowed it is another one by now")
	}
	return nil
}

// asked is the request that a person approves.
func (s *Store) asked(c Consent, id, by string, now Promotion) (Request, error) {
	const op = "approve change"
	if c.Request == nil || c.Request.ID != id {
		return Request{}, coded.New(CodeConsentVoid, op, "there is no such request: it was approved or withdrawn, or never made", nil)
	}
	if strings.EqualFold(strings.TrimSpace(by), c.Request.Change.By) {
		return Request{}, coded.New(CodeConsentSame, op, "it takes a second person: who asked for it cannot approve it", nil)
	}
	return *c.Request, s.void(*c.Request, now)
}

// newRequest is one for a change that was planned; an open one of another must be
// withdrawn first.
func (s *Store) newRequest(c Consent, change Change, planned Changed) (*Request, error) {
	if r := c.Request; r != nil && s.void(*r, planned.From) == nil {
		return nil, coded.New(CodeConsentPending, "ask for change", fmt.Sprintf("%s was asked for already, and waits for a second person: have it approved or withdrawn first", r.To.Version), nil)
	}
	at := s.now().UTC().Truncate(time.Second)
	change.By = strings.TrimSpace(change.By)
	return &Request{ID: strings.ToLower(rand.Text()[:10]), Change: change, From: planned.From, To: planned.To, Asked: at, Expires: at.Add(ConsentTime)}, nil
}
