package models

import "math"

// Adam is the optimiser of Kingma and Ba (2015), with the gradient clipped to
// a global norm first. Zero fields take the usual values.
type Adam struct {
	Rate         float64 // 1e-3
	Beta1, Beta2 float64 // 0.9, 0.999
	Epsilon      float64 // 1e-8
	Clip         float64 // largest norm of the whole gradient; 0: none

	step int
	m, v Params
}

func (a *Adam) defaults() {
	set := func(f *float64, v float64) {
		if *f == 0 {
			*f = v
		}
	}
	set(&a.Rate, 1e-3)
	set(&a.Beta1, 0.9)
	set(&a.Beta2, 0.999)
	set(&a.Epsilon, 1e-8)
}

// Step moves ps against the gradient, given per parameter in the same order,
// and returns the norm of the gradient before clipping. Gradients are scaled
// in place.
func (a *Adam) Step(ps Params, grads [][]float32) float64 {
	a.defaults()
	if a.m == nil {
		a.m, a.v = zeros(ps), zeros(ps)
	}
	var sum float64
	for _, g := range grads {
		for _, v := range g {
			sum += float64(v) * float64(v)
		}
	}
	norm := math.Sqrt(sum)
	scale := float32(1)
	if a.Clip > 0 && norm > a.Clip {
		scale = float32(a.Clip / norm)
	}
	a.step++
	b1, b2 := float32(a.Beta1), float32(a.Beta2)
	rate := a.Rate * math.Sqrt(1-math.Pow(a.Beta2, float64(a.step))) / (1 - math.Pow(a.Beta1, float64(a.step)))
	r, eps := float32(rate), float32(a.Epsilon)
	for i, g := range grads {
		w, m, v := ps[i].Data, a.m[i].Data, a.v[i].Data
		for j, d := range g {
			d *= scale
			m[j] = b1*m[j] + (1-b1)*d
			v[j] = b2*v[j] + (1-b2)*d*d
			w[j] -= r * m[j] / (float32(math.Sqrt(float64(v[j]))) + eps)
		}
	}
	return norm
}

func zeros(ps Params) Params {
	z := make(Params, len(ps))
	for i, p := range ps {
		z[i] = Param{p.Name, p.Shape, make([]float32, len(p.Data))}
	}
	return z
}

// state is what Restore needs to go on: both moments under prefixed names.
func (a *Adam) state() Params {
	var s Params
	for i := range a.m {
		s = append(s, Param{"adam.m." + a.m[i].Name, a.m[i].Shape, a.m[i].Data}, Param{"adam.v." + a.v[i].Name, a.v[i].Shape, a.v[i].Data})
	}
	return s
}

// restore takes back what state gave.
func (a *Adam) restore(step int, s Params) {
	a.step, a.m, a.v = step, nil, nil
	for i := 0; i+1 < len(s); i += 2 {
		a.m = append(a.m, Param{s[i].Name[len("adam.m."):], s[i].Shape, s[i].Data})
		a.v = append(a.v, Param{s[i+1].Name[len("adam.v."):], s[i+1].Shape, s[i+1].Data})
	}
}
