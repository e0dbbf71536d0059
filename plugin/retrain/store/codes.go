package store

import "github.com/nodulescope/nodulescope/internal/coded"

// Codes of this package.
const (
	CodeUnknown        coded.Code = "model_unknown"       // there is no such version
	CodeCandidate      coded.Code = "candidate_damaged"   // a folder is no candidate, or its files are not those that it lists
	CodeDamaged        coded.Code = "model_damaged"       // a file of the store is missing, cut or altered, or its signature is wrong
	CodePreprocessing  coded.Code = "model_preprocessing" // models of another version of preprocessing
	CodeKey            coded.Code = "model_key_invalid"   // the site's signing key cannot be used
	CodeUntrusted      coded.Code = "model_untrusted"     // signed by a key that this site does not know
	CodePromotion      coded.Code = "promotion_invalid"   // nothing to change: promoted already, or nothing to roll back to
	CodeNotCompared    coded.Code = "model_not_compared"  // nothing says what it is worth beside what scores now
	CodeNotBetter      coded.Code = "model_not_better"    // the gates do not allow it to score in place of that
	CodeConsentSame    coded.Code = "consent_same_person" // who asked for a change cannot approve it
	CodeConsentVoid    coded.Code = "consent_void"        // there is no such request any more
	CodeConsentPending coded.Code = "consent_pending"     // another request waits
	CodeFailed         coded.Code = "model_store_failed"  // the store cannot be written
	CodeLocked         coded.Code = "model_store_locked"  // another process writes it
)
