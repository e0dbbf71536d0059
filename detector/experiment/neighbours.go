package experiment

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

// neighbours returns for every query [m][d] its mean Euclidean distance to the
// k nearest of known [n][d].
func neighbours(known, queries [][]float64, k int) []float64 {
	const chunk = 128
	out := make([]float64, len(queries))
	n, d := len(known), len(known[0])
	table := mat.NewDense(n, d, flatten(known))
	squares := make([]float64, n)
	for i, r := range known {
		squares[i] = floats.Dot(r, r)
	}
	for lo := 0; lo < len(queries); lo += chunk {
		hi := min(lo+chunk, len(queries))
		var dots mat.Dense
		dots.Mul(mat.NewDense(hi-lo, d, flatten(queries[lo:hi])), table.T())
		for q := lo; q < hi; q++ {
			dist := slices.Clone(dots.RawRowView(q - lo))
			own := floats.Dot(queries[q], queries[q])
			for i := range dist {
				dist[i] = math.Sqrt(math.Max(own+squares[i]-2*dist[i], 0))
			}
			slices.Sort(dist)
			use := min(k, n)
			for _, v := range dist[:use] {
				out[q] += v / float64(use)
			}
		}
	}
	return out
}

func flatten(rows [][]float64) []float64 {
	out := make([]float64, 0, len(rows)*len(rows[0]))
	for _, r := range rows {
		out = append(out, r...)
	}
	return out
}

// wide turns float32 into float64.
func wide(x []float32) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = float64(v)
	}
	return out
}

// meanImage is the mean of images, pixel by pixel.
func meanImage(images [][]float64) []float64 {
	mean := make([]float64, len(images[0]))
	for _, im := range images {
		floats.Add(mean, im)
	}
	floats.Scale(1/float64(len(images)), mean)
	return mean
}

// activeVariance is the variance of a posterior mean over the data above which
// a latent dimension counts: with a prior of variance 1, half of it, so that the
// mean tells more about the image than the posterior leaves open. Burda et al.
// (2016, section 5.2) count from 0.01 on; a density over those dimensions, too,
// is one of noise for the most part (the choice set says 0.82 instead of 0.87).
const activeVariance = 0.5

// active returns the latent dimensions in use, all where none is.
func active(latents [][]float64) []int {
	mean := meanImage(latents)
	var use []int
	for j := range mean {
		var s float64
		for _, z := range latents {
			s += (z[j] - mean[j]) * (z[j] - mean[j])
		}
		if s/float64(len(latents)) > activeVariance {
			use = append(use, j)
		}
	}
	if len(use) == 0 {
		for j := range mean {
			use = append(use, j)
		}
	}
	return use
}

// only keeps some columns.
func only(rows [][]float64, columns []int) [][]float64 {
	out := make([][]float64, len(rows))
	for i, r := range rows {
		out[i] = make([]float64, len(columns))
		for c, j := range columns {
			out[i][c] = r[j]
		}
	}
	return out
}

// principal returns the map of rows to their components along the k axes in
// which known [n][d] varies most, from its mean.
func principal(known [][]float64, k int) func([][]float64) [][]float64 {
	n, d := len(known), len(known[0])
	k = min(k, n, d)
	mean := meanImage(known)
	var pc stat.PC
	axes := mat.NewDense(d, k, nil)
	if pc.PrincipalComponents(mat.NewDense(n, d, flatten(known)), nil) { // fails on what is no number only
		var all mat.Dense
		pc.VectorsTo(&all)
		axes.Copy(all.Slice(0, d, 0, k))
	}
	return func(rows [][]float64) [][]float64 {
		centred := mat.NewDense(len(rows), d, flatten(rows))
		for i := range rows {
			floats.Sub(centred.RawRowView(i), mean)
		}
		var at mat.Dense
		at.Mul(centred, axes)
		out := make([][]float64, len(rows))
		for i := range out {
			out[i] = slices.Clone(at.RawRowView(i))
		}
		return out
	}
}

// standardiser maps a score to deviations from its mean among training
// normals, so that scores of different units can be added.
func standardiser(reference []float64) func([]float64) []float64 {
	mean := floats.Sum(reference) / float64(len(reference))
	var s float64
	for _, v := range reference {
		s += (v - mean) * (v - mean)
	}
	sd := math.Sqrt(s / float64(len(reference)))
	if sd == 0 {
		sd = 1
	}
	return func(x []float64) []float64 {
		out := make([]float64, len(x))
		for i, v := range x {
			out[i] = (v - mean) / sd
		}
		return out
	}
}

func sum(a, b []float64) []float64 {
	out := slices.Clone(a)
	floats.Add(out, b)
	return out
}
