package dicomio_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
)

func TestLook(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a"), dicomtest.Spec{SeriesUID: "1.2.1", Slices: 5, Syntax: dicomtest.RLE})
	write(t, filepath.Join(dir, "b"), dicomtest.Spec{SeriesUID: "1.2.2", Modality: "MR", SOPClass: "1.2.840.10008.5.1.4.1.1.4"})
	write(t, filepath.Join(dir, "c"), dicomtest.Spec{SeriesUID: "1.2.0", Truncate: []int{0, 1, 2, 3}})
	if err := os.WriteFile(filepath.Join(dir, "notes.txt"), []byte("a report"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := dicomio.Look(context.Background(), dir, dicomio.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Series) != 1 || s.Series[0].Verdict() != "ok" || s.Series[0].Syntaxes()[dicomtest.RLE] != 5 || s.Others != 1 || len(s.Files) != 0 {
		t.Errorf("found %+v", s)
	}
	if len(s.Refused) != 2 || s.Refused[0].SeriesUID != "1.2.0" || s.Refused[0].Err.Code != dicomio.CodeTruncated || s.Refused[1].Err.Code != dicomio.CodeNotCT {
		t.Errorf("refused %+v", s.Refused)
	}
	// What is no slice of a CT is named: of the series and of the folder.
	write(t, filepath.Join(dir, "d"), dicomtest.Spec{SeriesUID: "1.2.1", Slices: 2, ImageType: `DERIVED\SECONDARY\LOCALIZER`})
	write(t, filepath.Join(dir, "e"), dicomtest.Spec{SeriesUID: "1.2.1", Slices: 1, SOPClass: "1.2.840.10008.5.1.4.1.1.7", Modality: "OT"})
	write(t, filepath.Join(dir, "f"), dicomtest.Spec{SeriesUID: "1.2.9", Slices: 1, SOPClass: "1.2.840.10008.5.1.4.1.1.99", Modality: "XX"})
	if s, err = dicomio.Look(context.Background(), dir, dicomio.Options{}); err != nil ||
		s.LeftOut != "4 MR images, 2 localizers, 1 object of modality XX, 1 secondary capture" ||
		len(s.Series[0].LeftOut) != 2 || s.Series[0].LeftOut["localizer"] != 2 || s.Series[0].LeftOut["secondary capture"] != 1 {
		t.Errorf("left out %q, of the series %v, %v", s.LeftOut, s.Series[0].LeftOut, err)
	}
	if s, err = dicomio.Look(context.Background(), t.TempDir(), dicomio.Options{}); err != nil || len(s.Series)+len(s.Refused) != 0 {
		t.Errorf("an empty folder: %+v, %v", s, err)
	}
	if _, err = dicomio.Look(context.Background(), filepath.Join(dir, "none"), dicomio.Options{}); dicomio.CodeOf(err) != dicomio.CodeFolderMissing {
		t.Errorf("no folder: %v", err)
	}
}

func TestLookAtPixels(t *testing.T) {
	pad := -500
	s := open(t, dicomtest.Spec{Slices: 30, Spacing: [3]float64{1, 0.5, 1}, Padding: &pad, Stored: func(z, y, x int) int {
		if y == 0 {
			return -500
		}
		return z
	}})
	p, err := s.LookAtPixels(context.Background(), true)
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.HU(context.Background(), 0, 30)
	if err != nil {
		t.Fatal(err)
	}
	var raw []byte
	for _, v := range b.HU {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	sum := sha256.Sum256(raw)
	if p.MinHU != -500 || p.MaxHU != 29 || p.PaddingPct != 100.0/16 || p.Digest != "sha256:"+hex.EncodeToString(sum[:]) {
		t.Errorf("%v, digest %s", p, p.Digest)
	}
	// 24 tiles of 160, six in a row; rows of 0.5 mm fill half of one.
	if b := p.Montage.Bounds(); b.Dx() != 960 || b.Dy() != 640 {
		t.Fatalf("the picture is %v", b)
	}
	if at := p.Montage.GrayAt; at(80, 40).Y < 220 || at(80, 40).Y > 240 || at(80, 1).Y != 144 || at(80, 120).Y != 0 || at(959, 519).Y <= at(80, 40).Y {
		t.Errorf("pixels are %v %v %v %v", at(80, 40), at(80, 1), at(80, 120), at(959, 519))
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.LookAtPixels(ended, false); err == nil {
		t.Error("it goes on behind the end")
	}
}
