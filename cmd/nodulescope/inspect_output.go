package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// inspection is what inspect found, and its JSON.
type inspection struct {
	Series     []inspectedSeries `json:"series"`
	Refused    []refusal         `json:"refused,omitempty"`       // series of which nothing can be read
	Files      []refusal         `json:"refused_files,omitempty"` // whose series is not known
	LeftOut    string            `json:"left_out,omitempty"`      // images that are no slices of a CT
	OtherFiles int               `json:"other_files"`             // that are no DICOM images
}

type inspectedSeries struct {
	SeriesUID string            `json:"series_uid"`
	StudyUID  string            `json:"study_uid"`
	Verdict   string            `json:"verdict"` // ok, warned or refused
	Slices    int               `json:"slices"`
	Rows      int               `json:"rows"`
	Cols      int               `json:"cols"`
	SpacingMM [3]float64        `json:"spacing_mm"` // z, y, x
	OriginLPS [3]float64        `json:"origin_lps_mm"`
	TiltDeg   float64           `json:"tilt_deg"`
	Missing   int               `json:"missing_slices"`
	Images    string            `json:"images"` // digest of the SOP instance UIDs
	Syntaxes  map[string]int    `json:"transfer_syntaxes"`
	Volumes   []inspectedVolume `json:"volumes"`
	LeftOut   map[string]int    `json:"left_out,omitempty"`      // images of the series that are no slices, by what they are
	Instances []string          `json:"sop_instance_uids"`       // of the slices, in scan order
	Frames    []int             `json:"frame_numbers,omitempty"` // of the slices in multi-frame images, from 1
	Warnings  []refusal         `json:"warnings,omitempty"`
	Pixels    *inspectedPixels  `json:"pixels,omitempty"`
	Error     *refusal          `json:"error,omitempty"`
}

type inspectedVolume struct {
	Images      int     `json:"images"`
	Slices      int     `json:"slices"`
	SpacingMM   float64 `json:"spacing_mm"`
	ThicknessMM float64 `json:"thickness_mm,omitempty"`
	Kernel      string  `json:"kernel,omitempty"`
	Type        string  `json:"image_type,omitempty"`
	Taken       bool    `json:"taken"`
	Differs     string  `json:"differs,omitempty"` // from the one that is taken
	Why         string  `json:"because_taken_one,omitempty"`
}

type inspectedPixels struct {
	MinHU      float64 `json:"min_hu"`
	MaxHU      float64 `json:"max_hu"`
	PaddingPct float64 `json:"padding_pct"`
	Digest     string  `json:"digest"` // of all HU as little-endian float32, slice by slice
}

// refusal is a reason with its code: of a refusal or a warning.
type refusal struct {
	SeriesUID string `json:"series_uid,omitempty"`
	File      string `json:"file,omitempty"`
	Code      string `json:"code"`
	Message   string `json:"message"`
}

// write prints it for people.
func (r inspection) write(w io.Writer) error {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	for _, s := range r.Series {
		line("series %s: %s", s.SeriesUID, s.Verdict)
		text := fmt.Sprintf("  %s of %d x %d, %.4g x %.4g x %.4g mm", counted(s.Slices, "slice"), s.Rows, s.Cols, s.SpacingMM[0], s.SpacingMM[1], s.SpacingMM[2])
		if s.TiltDeg >= 0.05 {
			text += fmt.Sprintf(", tilt %.1f degrees", s.TiltDeg)
		}
		if s.Missing > 0 {
			text += fmt.Sprintf(", %d missing", s.Missing)
		}
		if len(s.Frames) > 0 {
			text += fmt.Sprintf(", frames of %d multi-frame files", len(slices.Compact(slices.Sorted(slices.Values(s.Instances)))))
		}
		for _, name := range slices.Sorted(maps.Keys(s.Syntaxes)) {
			if name != "" {
				text += fmt.Sprintf(", %s", name)
			}
		}
		line("%s", text)
		for _, v := range s.Volumes {
			v.write(line)
		}
		if p := s.Pixels; p != nil {
			line("  HU       %g to %g, %.1f %% padding, %s", p.MinHU, p.MaxHU, p.PaddingPct, p.Digest)
		}
		for _, n := range s.Warnings {
			line("  warning  %s (%s)", n.Message, n.Code)
		}
		if s.Error != nil {
			line("  refused  %s (%s)", s.Error.Message, s.Error.Code)
		}
	}
	for _, e := range r.Refused {
		line("series %s: refused\n  refused  %s (%s)", e.SeriesUID, e.Message, e.Code)
	}
	for _, e := range r.Files {
		line("file %s: refused\n  refused  %s (%s)", e.File, e.Message, e.Code)
	}
	if r.LeftOut != "" {
		line("left out as no slices of a CT: %s", r.LeftOut)
	}
	switch n := r.OtherFiles; {
	case n == 1:
		line("1 other file is not a DICOM image")
	case n > 1:
		line("no DICOM images: %s", counted(n, "other file"))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (v inspectedVolume) write(line func(string, ...any)) {
	text := fmt.Sprintf("%s, %s, %.4g mm apart", counted(v.Images, "image"), counted(v.Slices, "slice"), v.SpacingMM)
	for _, more := range []string{v.Type, v.Kernel} {
		if more != "" {
			text += ", " + more
		}
	}
	if v.Taken {
		line("  taken    %s", text)
	} else {
		line("  left out %s: %s; the one taken %s", text, v.Differs, v.Why)
	}
}
