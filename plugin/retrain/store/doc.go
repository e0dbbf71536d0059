// Package store keeps the sets of models that a site made, each as a version, and
// which of them scores.
//
// # What a set is
//
// All that turns a nodule into scores: detectors, rungs, the network for outlines and
// the tissue that it refuses. The set in the binary is the version "shipped"; it is
// always there. [Set.Digest] names what a set holds, whatever it is called.
//
// # From a candidate to a version
//
// A training leaves a folder with candidate.json ([Candidate]) and the files that it
// lists. [Store.Import] takes it in: every file is compared with its digest and
// loaded once, what the candidate lacks of a set is taken from the binary, and the
// manifest is signed. A version never changes.
//
// # On the disk
//
//	models/site-signing.key     the site's Ed25519 key, for its owner alone
//	models/objects/HEX          files, by their SHA-256
//	models/versions/NAME.json   signed manifests
//	models/promoted.json        signed: which versions were promoted, in order
//	models/consent.json         signed: how many persons a promotion takes, and what waits for the second
//	models/lock                 who writes has it
//
// Files are written beside their place, synced and renamed, a manifest after the files
// that it names: what a crash or a full disk leaves behind is a file that nothing
// names, which [Store.Collect] removes. [Store.Load] checks signature, digests and the
// version of preprocessing of the very bytes that it uses.
//
// # What a signature says
//
// That the holder of the key wrote this manifest or this list of promotions. Who may
// write the data folder has the key, too: it keeps out what came to the folder in
// another way, and, between workstations, what nobody of the site has sent
// ([Store.Receive]).
package store
