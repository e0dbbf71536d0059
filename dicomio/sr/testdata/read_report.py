#!/usr/bin/python3
"""Says what pydicom finds in a report and where on the images, for report_test.go.

read_report.py REPORT IMAGE...
"""
import sys

import numpy
import pydicom

report = pydicom.dcmread(sys.argv[1])
images = {i.SOPInstanceUID: i for i in (pydicom.dcmread(f, stop_before_pixels=True) for f in sys.argv[2:])}

print("patient", report.PatientName, report.PatientID, report.PatientBirthDate, report.PatientSex, report.AccessionNumber)
print("content", report.ContentDate, report.ContentTime)
flags = ["flags", report.CompletionFlag, report.VerificationFlag, report.PreliminaryFlag]
if "VerifyingObserverSequence" in report:
    who = report.VerifyingObserverSequence[0]
    flags += ["by", who.VerifyingObserverName, "of", who.VerifyingOrganization, "at", who.VerificationDateTime]
    flags += ["after", len(report.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence)]
print(*flags)


def name(item):
    return item.ConceptNameCodeSequence[0].CodeValue if "ConceptNameCodeSequence" in item else ""


def children(item):
    return item.ContentSequence if "ContentSequence" in item else []


def place(image, column, row):
    """Equation C.7.6.2.1-1 of PS3.3: pixel centres are at half, and PixelSpacing names rows first."""
    across, down = (numpy.array([float(v) for v in image.ImageOrientationPatient[i:i + 3]]) for i in (0, 3))
    between_rows, between_columns = (float(v) for v in image.PixelSpacing)
    origin = numpy.array([float(v) for v in image.ImagePositionPatient])
    return origin + across * between_columns * (column - 0.5) + down * between_rows * (row - 0.5)


def say(item, nodule):
    kind = item.ValueType
    if kind == "CONTAINER" and name(item) == "125007":
        texts = {name(c): c for c in children(item)}
        nodule = texts["112039"].TextValue
        print("nodule", nodule, texts["112040"].UID)
        print("template", nodule, item.ContentTemplateSequence[0].TemplateIdentifier)
    if kind == "NUM":
        value = item.MeasuredValueSequence[0]
        by = [c.TextValue for c in children(item) if c.ValueType == "TEXT" and name(c) != "111002"]
        print("value", nodule, name(item), value.NumericValue, value.MeasurementUnitsCodeSequence[0].CodeValue, *by)
    if kind == "CODE":
        print("code", nodule, name(item), item.ConceptCodeSequence[0].CodeValue)
    if kind == "TEXT":
        print("text", nodule, name(item), item.TextValue.encode("unicode_escape").decode() if "\n" in item.TextValue else item.TextValue)
    if kind == "NUM":
        for c in children(item):
            if c.ValueType == "CODE":
                print("derivation", nodule, name(item), name(c), c.ConceptCodeSequence[0].CodeValue)
            if c.ValueType == "NUM":
                error = c.MeasuredValueSequence[0]
                print("error", nodule, name(item), name(c), error.NumericValue, error.MeasurementUnitsCodeSequence[0].CodeValue)
    if kind == "UIDREF" and name(item) == "121232":
        print("source", nodule, item.UID)
    if kind == "IMAGE" and name(item) == "121191":
        sop = item.ReferencedSOPSequence[0]
        print("segment", nodule, sop.ReferencedSOPClassUID, sop.ReferencedSOPInstanceUID, sop.ReferencedSegmentNumber)
    if kind == "SCOORD":
        image = images[children(item)[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID]
        heights = sorted(float(i.ImagePositionPatient[2]) for i in images.values())
        print("place", nodule, "at", "%.4f %.4f %.4f," % tuple(place(image, *item.GraphicData)), "nearest", max(b - a for a, b in zip(heights, heights[1:])))
    for child in children(item):
        say(child, nodule)


say(report, "-")
evidence = set()
if "CurrentRequestedProcedureEvidenceSequence" in report:
    for study in report.CurrentRequestedProcedureEvidenceSequence:
        for series in study.ReferencedSeriesSequence:
            for sop in series.ReferencedSOPSequence:
                if sop.ReferencedSOPClassUID == "1.2.840.10008.5.1.4.1.1.66.4":
                    print("segmentation in", series.SeriesInstanceUID)
                    evidence.add(sop.ReferencedSOPInstanceUID)
                    continue
                image = images[sop.ReferencedSOPInstanceUID]
                assert (image.StudyInstanceUID, image.SeriesInstanceUID, image.SOPClassUID) == (study.StudyInstanceUID, series.SeriesInstanceUID, sop.ReferencedSOPClassUID)
                evidence.add(sop.ReferencedSOPInstanceUID)


def referred(item):
    found = {item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID} if item.ValueType == "IMAGE" else set()
    return found.union(*(referred(c) for c in children(item)))


print("evidence", "complete" if referred(report) == evidence else "incomplete")
