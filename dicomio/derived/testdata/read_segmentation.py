#!/usr/bin/python3
"""Says what pydicom reads in a segmentation, for segmentation_test.go.

read_segmentation.py SEGMENTATION IMAGE...
"""
import sys

import numpy
import pydicom

seg = pydicom.dcmread(sys.argv[1])
images = {i.SOPInstanceUID: i for i in (pydicom.dcmread(f, stop_before_pixels=True) for f in sys.argv[2:])}
print("study", seg.StudyInstanceUID == next(iter(images.values())).StudyInstanceUID, seg.Modality, seg.SegmentationType, seg.SegmentsOverlap)
shared = seg.SharedFunctionalGroupsSequence[0]
measures = shared.PixelMeasuresSequence[0]
row_step, column_step = (float(v) for v in measures.PixelSpacing)
voxel = row_step * column_step * float(measures.SpacingBetweenSlices)
cosines = numpy.array([float(v) for v in shared.PlaneOrientationSequence[0].ImageOrientationPatient])
pixels = seg.pixel_array.reshape(int(seg.NumberOfFrames), seg.Rows, seg.Columns)
listed = [(s.SeriesInstanceUID, r.ReferencedSOPInstanceUID) for s in seg.ReferencedSeriesSequence for r in s.ReferencedInstanceSequence]
used = set()
count, total = {}, {}
for frame, groups in zip(pixels, seg.PerFrameFunctionalGroupsSequence):
    number = groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber
    source = groups.DerivationImageSequence[0].SourceImageSequence[0]
    image = images[source.ReferencedSOPInstanceUID]
    used.add((image.SeriesInstanceUID, image.SOPInstanceUID))
    origin = numpy.array([float(v) for v in groups.PlanePositionSequence[0].ImagePositionPatient])
    assert frame.any(), "a frame holds nothing"
    assert (image.Rows, image.Columns, image.FrameOfReferenceUID) == (seg.Rows, seg.Columns, seg.FrameOfReferenceUID)
    assert numpy.allclose(origin, [float(v) for v in image.ImagePositionPatient], atol=1e-6)
    assert numpy.allclose(cosines, [float(v) for v in image.ImageOrientationPatient], atol=1e-6)
    print("frame", *groups.FrameContentSequence[0].DimensionIndexValues, source.ReferencedSOPClassUID == image.SOPClassUID)
    rows, columns = numpy.nonzero(frame)
    places = origin + numpy.outer(columns * column_step, cosines[:3]) + numpy.outer(rows * row_step, cosines[3:])
    count[number] = count.get(number, 0) + len(rows)
    total[number] = total.get(number, 0) + places.sum(axis=0)
for s in seg.SegmentSequence:
    n = s.SegmentNumber
    kind = [c[0].CodeValue for c in (s.SegmentedPropertyCategoryCodeSequence, s.SegmentedPropertyTypeCodeSequence, s.AnatomicRegionSequence)]
    print("segment", n, s.SegmentLabel, s.SegmentAlgorithmType, s.SegmentAlgorithmName, *kind)
    print("tracking", n, s.TrackingUID, s.TrackingID)
    print("measured %d %.3f mm3 at %.3f %.3f %.3f" % (n, count[n] * voxel, *(total[n] / count[n])))
print("references", "complete" if set(listed) == used and len(listed) == len(used) else "incomplete")
