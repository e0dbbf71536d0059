package models

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
)

// Samples is a set of patches to train on or to validate with. A trainer sees
// no label: a set holds what it shall learn from, and nothing else.
type Samples interface {
	// Len is the number of samples.
	Len() int
	// Patch writes sample i and its support: intensities of 0 to 1, and 1 where
	// a voxel counts, 0 elsewhere. Augmentation, if any, is drawn from rng
	// alone.
	Patch(i int, rng *rand.Rand, x, support []float32)
}

// errSample says that a sample cannot be learned from.
var errSample = errors.New("models: a sample cannot be learned from")

// What is drawn at random, each from a stream of its own.
const (
	drawOrder = 1 + iota
	drawPatch
	drawNoise
	drawValid
	drawMix
	drawGenerator
	drawMoments
)

// source is what a trainer draws at random: a function of the seed of the run
// and of what is drawn for, so that a resumed run draws the same.
type source struct{ seed uint64 }

// rng draws for one purpose in one epoch (or step) and of one sample (or row).
func (s source) rng(purpose, epoch, i int) *rand.Rand {
	return rand.New(rand.NewPCG(s.seed, uint64(purpose)<<60|uint64(epoch)<<32|uint64(i))) //nolint:gosec // small numbers
}

// batches calls step for each batch of an epoch over n samples, in the order that
// is drawn for it: done batches of steps are behind, rows are the samples of this
// one. The last batch is filled up from the front. A cancelled ctx ends it between
// two steps with the context's error.
func (s source) batches(ctx context.Context, epoch, n, batch int, step func(done, steps int, rows []int) error) error {
	order := s.rng(drawOrder, epoch, 0).Perm(n)
	steps := (n + batch - 1) / batch
	rows := make([]int, batch)
	for done := range steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		for b := range rows {
			rows[b] = order[(done*batch+b)%n]
		}
		if err := step(done, steps, rows); err != nil {
			return err
		}
	}
	return nil
}

// draw writes sample i and refuses what is no number: one such voxel spoils all
// weights in one step.
func draw(s Samples, i int, rng *rand.Rand, x, support []float32) error {
	s.Patch(i, rng, x, support)
	for j, v := range x {
		if !finite(v) || !finite(support[j]) {
			return fmt.Errorf("%w: voxel %d of sample %d is %g with support %g; repair the data or leave the sample out", errSample, j, i, v, support[j])
		}
	}
	return nil
}

func finite(v float32) bool { return v-v == 0 }

// brightness returns mean and variance of the training voxels that count. The
// mean is without the extremes that no sigmoid reaches.
func (s source) brightness(train Samples, voxels int) (mean, variance float64, err error) {
	if train == nil || train.Len() == 0 {
		return 0, 0, errors.New("models: the training set is empty")
	}
	x, support := make([]float32, voxels), make([]float32, voxels)
	var sum, squares, n float64
	for i := range train.Len() {
		if err := draw(train, i, s.rng(drawPatch, 0, i), x, support); err != nil {
			return 0, 0, err
		}
		for j, c := range support {
			sum += float64(c * x[j])
			squares += float64(c*x[j]) * float64(x[j])
			n += float64(c)
		}
	}
	if n == 0 {
		return 0, 0, fmt.Errorf("%w: the training set has no voxel that counts (support 0 everywhere)", errSample)
	}
	mean = sum / n
	variance = math.Max(squares/n-mean*mean, 1e-6)
	return math.Min(math.Max(mean, 0.01), 0.99), variance, nil
}

// together does the work of every row of a batch, some at a time. The error is
// that of the first row that has one.
func together(rows int, work func(row int) error) error {
	errs := make([]error, rows)
	var wait sync.WaitGroup
	next := make(chan int, rows)
	for row := range rows {
		next <- row
	}
	close(next)
	for range min(rows, runtime.GOMAXPROCS(0)) {
		wait.Go(func() {
			for row := range next {
				errs[row] = work(row)
			}
		})
	}
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
