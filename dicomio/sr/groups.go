package sr

import (
	"fmt"
	"slices"

	"github.com/nodulescope/nodulescope/dicomio/codec"
	"github.com/nodulescope/nodulescope/internal/use"
)

// content is the tree below the root (TID 1500 of PS3.16).
func (r Report) content() []codec.Dataset {
	list := []codec.Dataset{codeItem(hasModifier, codeLanguage, codeEnglish)}
	list = append(list, r.reviewer()...)
	list = append(list, r.Device.observer()...)
	list = append(list, codeItem(hasModifier, codeProcedure, codeCT))
	if images := r.images(); len(images) > 0 {
		entries := []codec.Dataset{codeItem(hasAcquired, codeModality, codeModalityCT)}
		for _, at := range images {
			entries = append(entries, imageItem(contains, at))
		}
		list = append(list, container(contains, codeLibrary, "1600", container(contains, codeLibraryGroup, "", entries...)))
	}
	var groups []codec.Dataset
	for _, n := range r.Nodules {
		if n.Image.SOPInstanceUID == "" {
			continue
		}
		groups = append(groups, r.group(n))
		if n.Outline != nil {
			groups = append(groups, r.volume(n))
		}
	}
	if len(groups) > 0 {
		list = append(list, container(contains, codeMeasurements, "", groups...))
	}
	return append(list, r.qualitative())
}

// observer tells which program made the report (TID 1004).
func (v Device) observer() []codec.Dataset {
	return []codec.Dataset{
		codeItem(hasContext, codeObserverType, codeDevice),
		uidItem(hasContext, codeDeviceUID, v.uid()),
		textItem(hasContext, codeDeviceName, v.Model+" "+v.Version),
		textItem(hasContext, codeDeviceMaker, v.Manufacturer),
		textItem(hasContext, codeDeviceModel, v.Model),
		textItem(hasContext, codeDeviceSerial, v.Serial),
	}
}

// subject says which nodule a group is about.
func (r Report) subject(n Nodule) []codec.Dataset {
	return []codec.Dataset{
		textItem(hasContext, ConceptTrackingIdentifier, n.ID),
		uidItem(hasContext, ConceptTrackingUID, r.TrackingUID(n.ID)),
		codeItem(contains, ConceptFinding, codeNodule),
	}
}

// group is one nodule at its point: TID 1410.
func (r Report) group(n Nodule) codec.Dataset {
	list := append(r.subject(n), pointItem(contains, codeRegion, n.Image), codeItem(hasModifier, ConceptFindingSite, codeLung))
	// The first number says where it was taken (TID 320): viewers such as OHIF
	// look there for the place of a group, and not at its image region.
	where := []codec.Dataset{pointItem(inferredFrom, codeMeasuredAt, n.Image)}
	for _, s := range n.Scores {
		list = append(list, r.numbers(s, where)...)
		where = nil
	}
	if n.DiameterMM > 0 {
		list = append(list, numberItem(contains, codeDiameter, round(n.DiameterMM, 0.1), codeMM, where...))
	}
	list = append(list, r.distances(n.Distances)...)
	for _, s := range n.Scores {
		value := codeNotAbove
		if s.Flagged {
			value = codeAbove
		}
		list = append(list, codeItem(contains, codeFlag, value, r.algorithm(s.Algorithm)...))
	}
	// The first comment is what viewers write beside the nodule.
	list = append(list, textItem(contains, codeComment, n.label()))
	list = append(list, n.Decision.items()...)
	if n.Error != "" {
		list = append(list, textItem(contains, codeNotScored, n.Error))
	}
	for _, note := range n.Notes {
		list = append(list, textItem(contains, codeLimit, note))
	}
	list = append(list, textItem(contains, codeComment, n.place()))
	return container(contains, ConceptMeasurementGroup, "1410", list...)
}

// label is a nodule in a few words.
func (n Nodule) label() string {
	label := "Nodule " + n.ID
	separator := ": "
	for _, s := range n.Scores {
		if s.DeviationPct != nil {
			label += fmt.Sprintf("%sdeviation %.0f %% (%s)", separator, *s.DeviationPct, s.Algorithm.Name)
		} else {
			label += fmt.Sprintf("%spercentile %.1f (%s)", separator, s.Percentile, s.Algorithm.Name)
		}
		separator = ", "
	}
	if len(n.Scores) == 0 {
		label += ": not scored"
	}
	if n.Outline != nil {
		label += n.Outline.label()
	}
	return label + "; " + use.Label
}

// place tells the position itself, which a point on a slice does not.
func (n Nodule) place() string {
	p := n.PositionLPS
	return fmt.Sprintf("Position given by the detector: LPS %.2f, %.2f, %.2f mm", p[0], p[1], p[2])
}

// numbers are the values of one algorithm (TID 1419); where is said of the
// first.
func (r Report) numbers(s Score, where []codec.Dataset) []codec.Dataset {
	by := r.algorithm(s.Algorithm)
	first := slices.Concat(by, where)
	var list []codec.Dataset
	if s.DeviationPct != nil {
		list = append(list, numberItem(contains, codeDeviation, round(*s.DeviationPct, 0.01), codePercent, first...))
		first = by
	}
	return append(list,
		numberItem(contains, codePercentile, round(s.Percentile, 0.01), codePercent, first...),
		numberItem(contains, codeRaw, s.Raw, codeUnitless, by...),
		numberItem(contains, codeOperating, s.Threshold, codeUnitless, by...),
	)
}

// algorithm tells the source of a value (TID 4019).
func (r Report) algorithm(a Algorithm) []codec.Dataset {
	if a.Manufacturer == "" {
		a.Manufacturer = r.Device.Manufacturer
	}
	list := []codec.Dataset{textItem(hasModifier, codeAlgorithm, a.Name), textItem(hasModifier, codeVersion, a.Version)}
	for _, p := range a.Parameters {
		list = append(list, textItem(hasModifier, codeParameters, p))
	}
	return append(list, textItem(hasModifier, codeAlgorithmMaker, a.Manufacturer))
}

// qualitative is what is said of the whole series: the intended use, what the
// private codes mean, and the nodules that no image shows.
func (r Report) qualitative() codec.Dataset {
	list := []codec.Dataset{textItem(contains, codeIntendedUse, r.IntendedUse)}
	for _, note := range r.Notes {
		list = append(list, textItem(contains, codeLimit, note))
	}
	for _, n := range r.Nodules {
		if n.Image.SOPInstanceUID != "" {
			continue
		}
		text := fmt.Sprintf("Nodule %s is on no image of the series. %s.", n.ID, n.place())
		if n.Error != "" {
			text += " " + n.Error
		}
		list = append(list, textItem(contains, codeNotScored, text))
	}
	for _, d := range definitions {
		list = append(list, textItem(contains, codeDefinition, fmt.Sprintf("%s, %s: %s", d.Value, d.Meaning, d.text)))
	}
	return container(contains, codeQualitative, "", list...)
}
