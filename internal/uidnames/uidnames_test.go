package uidnames_test

import (
	"testing"

	"github.com/nodulescope/nodulescope/internal/uidnames"
)

func TestIn(t *testing.T) {
	for object, want := range map[string]uidnames.UIDs{
		`{"series_uid":"1.2.3","study_uid":" 1.2 ","frame_of_reference_uid":null}`:           {Series: "1.2.3", Study: "1.2"},
		`{"SeriesInstanceUID":"1.2.3","StudyInstanceUID":"1.2","FrameOfReferenceUID":"1.9"}`: {Series: "1.2.3", Study: "1.2", Frame: "1.9"},
		`{"seriesuid":"1.2.3","seriesUID":"1.2.3","Series UID":""}`:                          {Series: "1.2.3"},
		`{"series-instance-uid":"1.2.3","0020000D":"1.2"}`:                                   {Series: "1.2.3", Study: "1.2"},
		`{"series":"1.2.3","study":"chest","frame_of_reference":7}`:                          {Series: "1.2.3"},
		`{"series":{"number":4},"Study ID":"4"}`:                                             {},
		`[1,2]`:                                                                              {},
		`null`:                                                                               {},
	} {
		if got, err := uidnames.In([]byte(object)); err != nil || got != want {
			t.Errorf("%s: %+v, %v", object, got, err)
		}
	}
	for _, object := range []string{
		`{"series_uid":12}`, `{"SeriesInstanceUID":["1.2.3"]}`, `{"series_uid":"1.2.3","seriesUID":"1.2.4"}`,
		`{"series":"1.2.3","series_uid":"1.2.4"}`,
	} {
		if got, err := uidnames.In([]byte(object)); err == nil {
			t.Errorf("%s: read as %+v", object, got)
		}
	}
}
