package dicomio

import (
	"context"
	"image"
	"slices"
)

// comparedPairs is how many of the images that are there twice are compared, at
// most, spread over the series.
const comparedPairs = 64

// repeated looks for images of one series that have one SOP Instance UID, and one
// frame, and are not one image: nothing could be said of either of them, for a
// report could not tell them apart. Those at one place come back in pairs.
func repeated(images []*header) (pairs [][2]*header, refused *Error) {
	images = slices.Clone(images)
	slices.SortStableFunc(images, byUID)
	for i := 1; i < len(images); i++ {
		a, b := images[i-1], images[i]
		if byUID(a, b) != 0 {
			continue
		}
		if !a.sharesGrid(b) || !a.position.near(b.position, samePosition) {
			return nil, refuse(CodeUIDRepeated, "images at different places have one SOP Instance UID, so that no report could name either; send the series again from where it was made", nil)
		}
		pairs = append(pairs, [2]*header{a, b})
	}
	return pairs, nil
}

// compare reads images that are there twice, and refuses those that are not the
// same. What cannot be read is left to those who need it; only a storage that does
// not answer is an error.
func compare(ctx context.Context, pairs [][2]*header) (*Error, error) {
	step := max(1, (len(pairs)+comparedPairs-1)/comparedPairs)
	work := readers.Get().(*frameReader)
	defer readers.Put(work)
	var hu [2][]float32
	for i := 0; i < len(pairs); i += step {
		readable := true
		for k, h := range pairs[i] {
			n := h.format.Rows * h.format.Cols
			hu[k] = resize(hu[k], n)
			work.window = image.Rectangle{}
			err := work.slice(ctx, h, &unpackedFile{}, hu[k], make([]bool, n))
			if isSilent(ctx, err) {
				return nil, err
			}
			readable = readable && err == nil
		}
		if readable && !slices.Equal(hu[0], hu[1]) {
			return refuse(CodeUIDRepeated, "images with one SOP Instance UID, at one place, have different pixels; send the series again from where it was made", nil), nil
		}
	}
	return nil, nil
}

// refuseRepeated finds the series whose images have a SOP Instance UID more than
// once and are not the same, or that are of several patients, by SeriesInstanceUID. Pixels are compared where files
// are at hand.
func refuseRepeated(ctx context.Context, all []scanned) (map[string]*Error, error) {
	bySeries := map[string][]*header{}
	for _, f := range all {
		if f.err == nil {
			for _, h := range f.images {
				bySeries[h.seriesUID] = append(bySeries[h.seriesUID], h)
			}
		}
	}
	refused := map[string]*Error{}
	for uid, images := range bySeries {
		pairs, e := repeated(images)
		if other := samePatient(images); other != nil {
			e = other
		}
		if e == nil && len(pairs) > 0 && images[0].remote == nil {
			var err error
			if e, err = compare(ctx, pairs); err != nil {
				return nil, err
			}
		}
		if e != nil {
			e.Op = "build volume"
			refused[uid] = e
		}
	}
	return refused, ctx.Err()
}
