// Package web is the review page: the files that a browser gets.
//
// # What it is made of
//
// src holds the page in TypeScript: the work list, and the viewer on
// Cornerstone (three planes of a series in step, overlays, distances). `make
// web` checks and bundles it with Vite into dist, which is part of the
// repository and embedded here, so that building the binary needs no Node and a
// service needs no network. bundle.sha256 names every source and every file of
// the bundle; a test holds both to it, so that a bundle that is older than its
// sources does not pass.
//
// # What it talks to
//
// The page reads and writes the review API alone (openapi.yaml of package
// review), from its own origin. It runs under a policy without inline script,
// inline style, eval, workers or other hosts. It keeps no patient data: filters
// of the work list and the chosen tool stay in the browser, and images in the
// memory of the page until another series is opened.
//
// # Places
//
// The work list is at #/, a series at #/series/ID and a finding of it at
// #/series/ID/NUMBER. With ?render=cpu or ?render=gpu before the # the page
// draws in software or on the graphics processor, whatever it would choose.
//
// # Tests
//
// browser_test.go, looks_test.go, frames_test.go and drawing_test.go drive a headless Chromium
// against the binary, and skip where there is none; -args -screenshots DIR keeps
// pictures of what they saw, and -args -measure prints the figures of
// docs/review.md. ohif_test.go opens what we send to a PACS in OHIF (make test-ohif).
package web
