package kernel

import "golang.org/x/sys/cpu"

// machineSets are those of this processor. The costs of the tiles are measured
// (BenchmarkTile): tall and wide ones reach less, since they read more of one
// factor for each product.
func machineSets() []*Set {
	var sets []*Set
	if cpu.X86.HasAVX512F && cpu.X86.HasAVX512DQ && cpu.X86.HasFMA {
		sets = append(sets, &Set{
			Name: "avx512",
			Tiles: []Tile{
				{12, 32, 16, 1, tile12x32AVX512}, {8, 48, 16, 1.03, tile8x48AVX512}, {8, 32, 16, 1.06, tile8x32AVX512}, {24, 16, 16, 1.35, tile24x16AVX512},
				{1, 256, 256, 1.75, tile1x256AVX512}, {1, 64, 64, 2, tile1x64AVX512},
			},
			Vec:  Vec{addAVX512, subAVX512, mulAVX512, divAVX512, scaleAVX512, shiftAVX512, squareAVX512, leakyAVX512, gateAVX512, expAVX512, sigmoidAVX512},
			adam: adamAVX512, sum: sumAVX512, square: 16, transpose: transposeAVX512, scatter: scatterAVX512,
		})
	}
	if cpu.X86.HasAVX2 && cpu.X86.HasFMA {
		sets = append(sets, &Set{
			Name:  "avx2",
			Tiles: []Tile{{6, 16, 8, 1, tile6x16AVX2}, {4, 24, 8, 1.02, tile4x24AVX2}, {12, 8, 8, 1.2, tile12x8AVX2}, {1, 64, 64, 1.65, tile1x64AVX2}},
			Vec:   Vec{addAVX2, subAVX2, mulAVX2, divAVX2, scaleAVX2, shiftAVX2, squareAVX2, leakyAVX2, gateAVX2, expAVX2, sigmoidAVX2},
			adam:  adamAVX2, sum: sumAVX2, square: 8, transpose: transposeAVX2, scatter: scatterAVX2,
		})
	}
	return sets
}
