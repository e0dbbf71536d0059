#!/usr/bin/python3
"""Says what pydicom reads in a heat map and in a capture, for objects_test.go."""
import sys

import numpy
import pydicom

heat, capture = (pydicom.dcmread(f) for f in sys.argv[1:3])
values = numpy.frombuffer(heat.FloatPixelData, "<f4").reshape(heat.NumberOfFrames, heat.Rows, heat.Columns)
shared = heat.SharedFunctionalGroupsSequence[0]
row_step, column_step = (float(v) for v in shared.PixelMeasuresSequence[0].PixelSpacing)
cosines = [float(v) for v in shared.PlaneOrientationSequence[0].ImageOrientationPatient]
for frame, groups in zip(values, heat.PerFrameFunctionalGroupsSequence):
    origin = numpy.array([float(v) for v in groups.PlanePositionSequence[0].ImagePositionPatient])
    label = groups.FrameContentSequence[0].FrameLabel
    for y in range(heat.Rows):
        for x in range(heat.Columns):
            place = origin + x * column_step * numpy.array(cosines[:3]) + y * row_step * numpy.array(cosines[3:])
            print("voxel", *place, "=", frame[y, x], "of", label)
sources = shared.DerivationImageSequence[0].SourceImageSequence
print(f"frame of reference {heat.FrameOfReferenceUID}, {len(sources)} sources")
pixels = capture.pixel_array
for y in range(pixels.shape[0]):
    for x in range(pixels.shape[1]):
        print("pixel", x, y, "=", *pixels[y, x], "of", pixels.shape)
