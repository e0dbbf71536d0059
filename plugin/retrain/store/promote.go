package store

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/internal/smallfile"
)

const (
	maxPromotions    = 200 // that can be rolled back
	maxPromotedBytes = 1 << 20
	maxReason        = 500
)

// Promotion says that a version scores from a time on.
type Promotion struct {
	Version string    `json:"version"`
	Set     string    `json:"set"` // its digest
	Time    time.Time `json:"time"`
	By      string    `json:"by"`
	Gate    string    `json:"gate,omitempty"`   // digest of the comparison that allowed it
	Forced  bool      `json:"forced,omitempty"` // the gates did not allow it
	Reason  string    `json:"reason,omitempty"`

	Approved string `json:"approved,omitempty"` // the second person, where it took two
}

// promotions are those that can be rolled back, the one that counts last. Before
// the first the shipped set scores.
type promotions struct {
	Schema int         `json:"schema"`
	List   []Promotion `json:"promotions"`
}

func (s *Store) promotions() (p promotions, err error) {
	text, err := smallfile.Read(s.promotedFile(), maxPromotedBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return promotions{Schema: Schema}, nil
	}
	if errors.Is(err, fs.ErrPermission) {
		return p, coded.New(CodeFailed, "read promotions", "this user may not read the data folder: be its owner, or name another folder", err)
	}
	key, keyErr := s.Key()
	if err = errors.Join(err, keyErr); err == nil {
		_, err = unseal(text, forPromotions, &p, key)
	}
	if err == nil && p.Schema != Schema {
		err = fmt.Errorf("schema %d", p.Schema)
	}
	if err != nil {
		return p, coded.New(CodeDamaged, "read promotions", "it cannot be told which models were promoted: restore promoted.json in the folder of models, or remove it to score with the shipped set", err)
	}
	return p, nil
}

// Current is the promotion that counts; its Version is Shipped and its time zero
// where there is none. The set of Shipped is that of this binary, whatever it was at
// the promotion.
func (s *Store) Current() (Promotion, error) {
	p, err := s.promotions()
	if err != nil {
		return Promotion{}, err
	}
	now := Promotion{Version: Shipped}
	if len(p.List) > 0 {
		now = p.List[len(p.List)-1]
	}
	if now.Version == Shipped {
		now.Set, err = ShippedDigest()
	}
	return now, err
}

// History returns the promotions that can be rolled back, the one that counts last.
func (s *Store) History() ([]Promotion, error) {
	p, err := s.promotions()
	return p.List, err
}

// Change is a promotion, or the taking back of the last one; or what a second person
// says to one that was asked for, of which ID is the name.
type Change struct {
	Rollback bool   `json:"rollback,omitempty"`
	Version  string `json:"version,omitempty"`  // to be promoted, see Find
	Approve  string `json:"approve,omitempty"`  // ID of a request
	Withdraw string `json:"withdraw,omitempty"` // likewise
	By       string `json:"by"`
	Forced   bool   `json:"forced,omitempty"` // whatever the gates say
	Reason   string `json:"reason,omitempty"`
}

// Changed says what scored before and what does now; with a Request, what would if a
// second person approves it, and nothing has changed yet.
type Changed struct {
	From      Promotion `json:"from"`
	To        Promotion `json:"to"`
	Request   *Request  `json:"request,omitempty"`   // that was made, approved or withdrawn
	Withdrawn bool      `json:"withdrawn,omitempty"` // and nothing was changed
	Service   string    `json:"service"`             // what a running service does: ServiceSwitched, ServiceFixed, or none runs
}

// Waits tells that a second person has to approve it.
func (c Changed) Waits() bool { return !c.Withdrawn && c.Request != nil && c.To.Approved == "" }

// Done tells that it has changed what scores.
func (c Changed) Done() bool { return !c.Withdrawn && !c.Waits() }

// Rollback tells that it is one.
func (c Changed) Rollback(asked Change) bool {
	return asked.Rollback || c.Request != nil && c.Request.Change.Rollback
}

// What a service does that runs while models are promoted.
const (
	ServiceSwitched = "switched" // new jobs are scored with them
	ServiceFixed    = "fixed"    // its settings name other models
)

// Apply changes what scores. The set is loaded first, so that none is promoted that
// cannot score, and the gates are asked: a comparison of the set with what scores now
// must allow it ([Store.KeepComparison]), unless it is forced or the shipped set. Then note is called, which keeps what is done, and last the change
// is written. An error of either leaves all as it was.
//
// Where it takes two persons ([Store.RequireConsent]) a request is written in its place,
// which another one approves: what scores then and what is to, to the digest, must still
// be what they were, and the gates are asked again. Codes: those of [Store.Load],
// CodePromotion, CodeNotCompared, CodeNotBetter, CodeConsentSame, CodeConsentVoid,
// CodeConsentPending, CodeFailed, CodeLocked.
func (s *Store) Apply(c Change, note func(Changed, Set) error) (changed Changed, set Set, err error) {
	const op = "promote models"
	if strings.TrimSpace(c.By) == "" || len(c.By) > 100 || len(c.Reason) > maxReason || !utf8.ValidString(c.By+c.Reason) {
		return changed, set, coded.New(CodePromotion, op, fmt.Sprintf("it needs who promotes, and a reason has at most %d bytes", maxReason), nil)
	}
	unlock, err := s.lock()
	if err != nil {
		return changed, set, err
	}
	defer unlock()
	key, err := s.signingKey()
	if err != nil {
		return changed, set, err
	}
	consent, err := s.readConsent()
	if err != nil {
		return changed, set, err
	}
	now, err := s.Current()
	if err != nil {
		return changed, set, err
	}
	if c.Withdraw != "" {
		return s.withdraw(c, consent, now, note)
	}
	wanted := c
	var asked Request
	if c.Approve != "" {
		if asked, err = s.asked(consent, c.Approve, c.By, now); err != nil {
			return changed, set, err
		}
		wanted = asked.Change
	}
	changed, list, set, err := s.plan(wanted, now)
	if err != nil {
		return changed, set, err
	}
	switch {
	case c.Approve != "" && (changed.To.Version != asked.To.Version || changed.To.Set != asked.To.Set):
		return changed, set, coded.New(CodeConsentVoid, op, "it would have another effect by now: withdraw the request, look again, and ask anew", nil)
	case c.Approve != "":
		changed.Request, changed.To.Approved = &asked, strings.TrimSpace(c.By)
		if !wanted.Rollback {
			list.List[len(list.List)-1] = changed.To
		}
	case consent.Persons > 1:
		if changed.Request, err = s.newRequest(consent, c, changed); err != nil {
			return changed, set, err
		}
		if err := note(changed, set); err != nil {
			return changed, set, err
		}
		consent.Request = changed.Request
		return changed, set, s.writeConsent(consent)
	}
	text, err := seal(key, forPromotions, list)
	if err != nil {
		return changed, set, coded.New(CodeFailed, op, "the promotion cannot be written", err)
	}
	if err := note(changed, set); err != nil {
		return changed, set, err
	}
	if err := writeFile(s.promotedFile(), text); err != nil || consent.Request == nil {
		return changed, set, err
	}
	consent.Request = nil // one that a crash leaves is void: other models score
	return changed, set, s.writeConsent(consent)
}

// plan is what a change would do: to what scores, and to the list of promotions.
func (s *Store) plan(c Change, now Promotion) (changed Changed, p promotions, set Set, err error) {
	const op = "promote models"
	changed.From = now
	if p, err = s.promotions(); err != nil {
		return changed, p, set, err
	}
	name := c.Version
	if c.Rollback {
		if len(p.List) == 0 {
			return changed, p, set, coded.New(CodePromotion, op, "there is nothing to roll back: the shipped set scores", nil)
		}
		p.List = p.List[:len(p.List)-1]
		if name = Shipped; len(p.List) > 0 {
			name = p.List[len(p.List)-1].Version
		}
	}
	m, err := s.Find(name)
	if err != nil {
		return changed, p, set, err
	}
	if !c.Rollback && m.Version == now.Version {
		return changed, p, set, coded.New(CodePromotion, op, m.Version+" scores already", nil)
	}
	if set, err = s.load(m); err != nil {
		return changed, p, set, err
	}
	gate := ""
	if !c.Rollback && !c.Forced && m.Version != Shipped {
		if gate, err = s.allowed(m, now); err != nil {
			return changed, p, set, err
		}
	}
	changed.To = Promotion{
		Version: m.Version, Set: m.Set, Time: s.now().UTC().Truncate(time.Millisecond), By: strings.TrimSpace(c.By),
		Gate: gate, Forced: c.Forced, Reason: c.Reason,
	}
	if !c.Rollback {
		p.List = append(p.List, changed.To)
		p.List = p.List[max(0, len(p.List)-maxPromotions):]
	}
	return changed, p, set, nil
}

// withdraw drops a request; who asked for it may, too.
func (s *Store) withdraw(c Change, consent Consent, now Promotion, note func(Changed, Set) error) (changed Changed, set Set, err error) {
	if consent.Request == nil || consent.Request.ID != c.Withdraw {
		return changed, set, coded.New(CodeConsentVoid, "withdraw request", "there is no such request: it was approved or withdrawn, or never made", nil)
	}
	changed = Changed{From: now, To: now, Request: consent.Request, Withdrawn: true}
	if err := note(changed, set); err != nil {
		return changed, set, err
	}
	consent.Request = nil
	return changed, set, s.writeConsent(consent)
}
