// Package scoring is the journey of one series without the bus: a place and
// candidates in, a [bus.Result] out.
//
// # Steps
//
// [Prepare] opens the series (headers only) and knows the identity of the
// result; [Prepared.Score] cuts a cube of 32 mm around each nodule, resamples it
// to 1 mm, has every nodule outlined and measured where the request has an
// outliner, has every detector score the patch of 28×28×28 voxels, and puts the
// result together. [Score] does both. Workers call the same code as a caller
// without a bus, so that both give the same result.
//
// A nodule that cannot be scored has an error with a code in its place and does
// not fail the others. Nodules carry the limits of use that they touch
// ([ApplySpacingCoarse] and so on).
//
// # Outlines
//
// Where the outliner finds no nodule at the place of a candidate, there is no
// score: the code nodule_not_found stands in its place. An outliner that fails
// costs no score; the nodule has an outline_error then.
//
// # Several detectors
//
// Every detector scores every nodule, in their order, and a result has all
// scores or says why not: where one detector fails, the nodule keeps the scores
// of the others and has an error that names it (bus.ResultNodule.Failed). A
// nodule with at least two scores says how far they are apart: the gap between
// the percentiles among the reference normals of each detector, and whether some
// flag it and others do not. Neither detector overrules the other.
//
// # Identity
//
// A result is named by a digest of all that it follows from: the job's source,
// the series, the set of SOP instances that were read, every nodule's id,
// position and diameter, the digests of the models and of the outliner, and the
// version of preprocessing with its padding limit. The order of nodules, their confidence,
// the id of the job and the folder do not count.
//
// # Pictures
//
// [Prepared.Nodule] gives the cube and patch of one nodule of an open series,
// for whoever draws it. Sampling is seeded from patch and model digests: scored
// again, a nodule has the score of the result.
package scoring
