package kernel

// machineSets is NEON, which every arm64 processor has. The shapes of the tiles
// and their costs are those of AVX2: on no such processor were they measured.
func machineSets() []*Set {
	return []*Set{{
		Name:  "neon",
		Tiles: []Tile{{6, 16, 8, 1, tile6x16NEON}, {12, 8, 8, 1.2, tile12x8NEON}, {1, 64, 64, 1.65, tile1x64NEON}},
		Vec:   Vec{addNEON, subNEON, mulNEON, divNEON, scaleNEON, shiftNEON, squareNEON, leakyNEON, gateNEON, expNEON, sigmoidNEON},
		adam:  adamNEON, sum: sumNEON, square: 8, transpose: transposeNEON, scatter: scatterNEON,
	}}
}
