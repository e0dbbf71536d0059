package dicomio

// Vec is a point or direction in patient coordinates (LPS), in mm, ordered x, y, z.
type Vec [3]float64

// Geometry maps voxel indices to patient coordinates. Voxel indices are
// ordered z, y, x (slice, row, column) and are continuous: index 0 is the
// centre of the first voxel.
type Geometry struct {
	Slices, Rows, Cols int
	Origin             Vec        // centre of voxel (0,0,0), LPS mm
	ColStep            Vec        // from one column to the next (x + 1), mm
	RowStep            Vec        // from one row to the next (y + 1), mm
	Line               Vec        // unit vector from the first slice origin to the last: the true line, tilt included
	Normal             Vec        // unit normal of the slices
	Offsets            []float64  // distance of every slice from the first, along Line, mm; ascending
	SpacingMM          [3]float64 // z (median, along the normal), y, x
	TiltDeg            float64    // angle between Normal and Line
	Missing            []Gap      // runs of missing slices
}

// Gap is a run of missing slices between two slices that exist.
type Gap struct {
	After int // index of the slice before the gap
	Count int // how many slices are missing
}
