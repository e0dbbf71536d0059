// Package features turns an outlined nodule into a vector of named numbers:
// size, shape, density, margin and what surrounds it.
//
// # From outline to vector
//
// [Extract] takes a cube and an outline of package outline and gives one value
// per feature of [All], in that order. A value is always a finite number: where
// a nodule is too small for a feature, the nearest thing that can be computed
// stands in, as the feature's comment says. A cube of coarser voxels has the same
// features in the same units.
//
// # Direction
//
// A [Feature] says in which direction it is suspicious, where that is known
// beforehand from how radiologists read nodules, not from the data.
//
// Arrays are [32,32,32], z, y, x.
package features
