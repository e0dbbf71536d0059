package phantom

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"sync"
)

// TruthFile is the name of the file that tells where the nodules are, beside
// the slices.
const TruthFile = "truth.json"

// truth is the content of TruthFile. nodule.ReadCandidates reads its nodules
// and ignores the rest.
type truth struct {
	Comment             string  `json:"comment"`
	StudyUID            string  `json:"study_uid"`
	SeriesUID           string  `json:"series_uid"`
	FrameOfReferenceUID string  `json:"frame_of_reference_uid"`
	Nodules             []known `json:"nodules"`
}

// known is a nodule with its volume.
type known struct {
	Nodule
	VolumeMM3 float64 `json:"volume_mm3"`
}

// WriteDICOM writes the series into dir: one file per slice, named in an order
// of their own as in real life, and TruthFile. The folder is made if it is
// missing, and refused if it holds anything, so that no two series are mixed.
//
// progress, which may be nil, is called after every slice, from one goroutine
// at a time. If writing fails or ctx ends, the files written so far are
// removed.
func (p *Phantom) WriteDICOM(ctx context.Context, dir string, progress func(done, total int)) (err error) {
	if err := prepare(dir); err != nil {
		return fmt.Errorf("phantom: write series: %w", err)
	}
	names := p.fileNames()
	defer func() {
		if err != nil {
			for _, name := range append(names, TruthFile) {
				if rm := os.Remove(filepath.Join(dir, name)); rm != nil && !errors.Is(rm, fs.ErrNotExist) {
					err = errors.Join(err, rm)
				}
			}
			err = fmt.Errorf("phantom: write series: %w", err)
		}
	}()
	if err := p.writeSlices(ctx, dir, names, progress); err != nil {
		return err
	}
	nodules := make([]known, len(p.nodules))
	for i, n := range p.nodules {
		nodules[i] = known{n, math.Round(10*p.volume(i)) / 10}
	}
	b, err := json.MarshalIndent(truth{
		Comment: what, StudyUID: p.StudyUID(), SeriesUID: p.SeriesUID(),
		FrameOfReferenceUID: p.FrameOfReferenceUID(), Nodules: nodules,
	}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, TruthFile), append(b, '\n'), 0o644)
}

// prepare makes dir, or checks that it is empty.
func prepare(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	if len(entries) > 0 {
		return fmt.Errorf("folder %s is not empty; name a new one", dir)
	}
	return nil
}

// fileNames gives the file name of every slice.
func (p *Phantom) fileNames() []string {
	names := make([]string, p.spec.Slices)
	for z, i := range p.rng(streamNames, 0).Perm(len(names)) {
		names[z] = fmt.Sprintf("%06d.dcm", i+1)
	}
	return names
}

// writeSlices renders and writes on all cores. Each worker holds one slice.
func (p *Phantom) writeSlices(ctx context.Context, dir string, names []string, progress func(done, total int)) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var (
		mu   sync.Mutex
		next int
		done int
		wg   sync.WaitGroup
	)
	take := func() int {
		mu.Lock()
		defer mu.Unlock()
		next++
		return next - 1
	}
	report := func() {
		mu.Lock()
		defer mu.Unlock()
		done++
		if progress != nil {
			progress(done, len(names))
		}
	}
	for range min(runtime.GOMAXPROCS(0), len(names)) {
		wg.Go(func() {
			hu := make([]int16, p.spec.Rows*p.spec.Cols)
			for z := take(); z < len(names) && ctx.Err() == nil; z = take() {
				p.Slice(z, hu)
				if err := p.writeFile(filepath.Join(dir, names[z]), z, hu); err != nil {
					stop(fmt.Errorf("slice %d of %d: %w", z+1, len(names), err))
					return
				}
				report()
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

func (p *Phantom) writeFile(path string, z int, hu []int16) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriterSize(f, 1<<16)
	if err := p.writeSlice(w, z, hu); err != nil {
		return err
	}
	return w.Flush()
}
