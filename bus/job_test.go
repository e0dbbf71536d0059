package bus

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestJobRoundTrip(t *testing.T) {
	deadline := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	job := sampleJob(3)
	job.Priority, job.Deadline = PriorityStat, &deadline
	at := time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
	const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	data, err := EncodeJob("/detector/a", "job-1", job, WithTime(at), WithTraceParent(trace), WithTraceState("a=1"))
	if err != nil {
		t.Fatal(err)
	}
	env, got, err := DecodeJob(data)
	if err != nil {
		t.Fatal(err)
	}
	want := Envelope{ID: "job-1", Source: "/detector/a", Type: TypeJob, Time: at, TraceParent: trace, TraceState: "a=1"}
	if d := cmp.Diff(want, env); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(job, got); d != "" {
		t.Error(d)
	}
}

// A job as a foreign program would write it: another order of attributes,
// unknown fields, no priority, no trace.
func TestDecodeForeignJob(t *testing.T) {
	data := []byte(`{"data":{"series_uid":"1.2.3","uri":"file:///ct","new_field":{"x":[1]},
		"nodules":[{"id":"a","position_lps_mm":[1,-2.5,3e2],"lobe":"RUL"}]},
		"time":"2026-02-03T04:05:06Z","id":"7","source":"urn:pacs","myext":"1",
		"type":"org.nodulescope.job.v1","specversion":"1.0"}`)
	env, job, err := DecodeJob(data)
	if err != nil {
		t.Fatal(err)
	}
	want := Job{SeriesUID: "1.2.3", URI: "file:///ct", Priority: PriorityRoutine,
		Nodules: []JobNodule{{ID: "a", PositionLPS: [3]float64{1, -2.5, 300}}}}
	if d := cmp.Diff(want, job); d != "" {
		t.Error(d)
	}
	if env.ID != "7" || env.Source != "urn:pacs" || !validTraceParent(env.TraceParent) {
		t.Errorf("envelope %+v", env)
	}
}

// jobText is a valid job with one replacement.
func jobText(old, replacement string) []byte {
	const text = `{"specversion":"1.0","id":"7","source":"/pacs","type":"org.nodulescope.job.v1",
		"datacontenttype":"application/json","data":{"series_uid":"1.2.3","uri":"file:///ct","priority":"stat",
		"nodules":[{"id":"a","position_lps_mm":[1,2,3],"diameter_mm":5},{"id":"b","position_lps_mm":[4,5,6]}]}}`
	if !strings.Contains(text, old) {
		panic("nothing to replace: " + old)
	}
	return []byte(strings.Replace(text, old, replacement, 1))
}

func TestDecodeJobRefuses(t *testing.T) {
	many, _ := json.Marshal(make([]JobNodule, MaxJobNodules+1))
	tests := []struct {
		name, old, new string
		code           Code
	}{
		{"valid", `"a"`, `"c"`, ""},
		{"empty list", `[{"id":"a","position_lps_mm":[1,2,3],"diameter_mm":5},{"id":"b","position_lps_mm":[4,5,6]}]`, `[]`, ""},
		{"https", "file:///ct", "https://pacs/dicom-web/studies/1/series/2", ""},
		{"windows folder", "file:///ct", "file:///C:/ct", ""},
		{"base64", `"data":{`, `"data_base64":"eyJzZXJpZXNfdWlkIjoiMSIsInVyaSI6ImZpbGU6Ly8vYSIsIm5vZHVsZXMiOltdfQ==","x":{`, ""},
		{"object attribute", `"data":{`, `"x":{},"data":{`, ""},
		{"list", `{"specversion":"1.0",`, `[{"specversion":"1.0",`, CodeNotJSON},
		{"bad time", `"id":"7"`, `"time":"yesterday","id":"7"`, CodeNotCloudEvent},
		{"not JSON", `{"specversion"`, `specversion`, CodeNotJSON},
		{"cut", `}]}}`, ``, CodeNotJSON},
		{"NaN", `[1,2,3]`, `[NaN,2,3]`, CodeNotJSON},
		{"version 0.3", `"1.0"`, `"0.3"`, CodeNotCloudEvent},
		{"no specversion", `"specversion":"1.0",`, ``, CodeNotCloudEvent},
		{"no id", `"id":"7",`, ``, CodeNotCloudEvent},
		{"no source", `"source":"/pacs",`, ``, CodeNotCloudEvent},
		{"id is a number", `"7"`, `7`, CodeNotCloudEvent},
		{"id too long", `"7"`, `"` + strings.Repeat("7", 300) + `"`, CodeNotCloudEvent},
		{"base64 that is a digit", `"data":{`, `"data_base64":1,"x":{`, CodeNotCloudEvent},
		{"version 2", `job.v1`, `job.v2`, CodeSchemaVersion},
		{"result", `job.v1`, `result.v1`, CodeWrongType},
		{"foreign type", `org.nodulescope.job.v1`, `com.example.order`, CodeWrongType},
		{"no data", `"data":{`, `"x":{`, CodeJobInvalid},
		{"data is a list", `"data":{`, `"data":[],"x":{`, CodeJobInvalid},
		{"no series", `"series_uid":"1.2.3",`, ``, CodeJobInvalid},
		{"series is a number", `"1.2.3"`, `1`, CodeJobInvalid},
		{"series is no UID", `"1.2.3"`, `"Doe^Jane"`, CodeJobInvalid},
		{"series too long", `"1.2.3"`, `"` + strings.Repeat("1", 65) + `"`, CodeJobInvalid},
		{"no uri", `"uri":"file:///ct",`, ``, CodeJobInvalid},
		{"relative uri", `file:///ct`, `ct`, CodeJobInvalid},
		{"relative file", `file:///ct`, `file:ct`, CodeJobInvalid},
		{"file on a host", `file:///ct`, `file://host/ct`, CodeJobInvalid},
		{"ftp", `file:///ct`, `ftp://host/ct`, CodeJobInvalid},
		{"credentials", `file:///ct`, `https://u:p@host/ct`, CodeJobInvalid},
		{"line feed", `file:///ct`, `file:///ct\n`, CodeJobInvalid},
		{"priority", `"stat"`, `"urgent"`, CodeJobInvalid},
		{"no nodules", `"nodules":`, `"n":`, CodeJobInvalid},
		{"null nodule", `{"id":"b","position_lps_mm":[4,5,6]}`, `null`, CodeJobInvalid},
		{"same id", `"b"`, `"a"`, CodeJobInvalid},
		{"empty id", `"b"`, `""`, CodeJobInvalid},
		{"no position", `"position_lps_mm":[4,5,6]`, `"x":1`, CodeJobInvalid},
		{"two coordinates", `[1,2,3]`, `[1,2]`, CodeJobInvalid},
		{"four coordinates", `[1,2,3]`, `[1,2,3,4]`, CodeJobInvalid},
		{"null coordinate", `[1,2,3]`, `[1,null,3]`, CodeJobInvalid},
		{"text coordinate", `[1,2,3]`, `["NaN",2,3]`, CodeJobInvalid},
		{"far away", `[1,2,3]`, `[1,2,5000.5]`, CodeJobInvalid},
		{"beyond float64", `[1,2,3]`, `[1,2,1e999]`, CodeJobInvalid},
		{"negative diameter", `:5}`, `:-5}`, CodeJobInvalid},
		{"a nodule's own series", `"id":"a"`, `"id":"a","series_uid":"1.2.3"`, ""},
		{"a nodule's series is no UID", `"id":"a"`, `"id":"a","SeriesInstanceUID":"Doe^Jane"`, CodeJobInvalid},
		{"a nodule's series is a number", `"id":"a"`, `"id":"a","series_uid":1`, CodeJobInvalid},
		{"a nodule with two series", `"id":"a"`, `"id":"a","series_uid":"1.2.3","seriesUID":"1.2.4"`, CodeJobInvalid},
		{"a position twice", `"id":"a"`, `"id":"a","position_lps_mm":[7,8,9]`, CodeJobInvalid},
		{"a position in another case", `"id":"a"`, `"id":"a","Position_LPS_mm":[7,8,9]`, CodeJobInvalid},
		{"nodules twice", `"priority"`, `"nodules":[],"priority"`, CodeJobInvalid},
		{"nodules in another case", `"priority"`, `"Nodules":[],"priority"`, CodeJobInvalid},
		{"series twice", `"priority"`, `"series_uid":"1.2.4","priority"`, CodeJobInvalid},
		{"another series under another name", `"priority"`, `"SeriesInstanceUID":"1.2.4","priority"`, CodeJobInvalid},
		{"513 nodules", `"nodules":[`, `"nodules":` + string(many) + `,"x":[`, CodeTooManyNodules},
		{"too large", `"stat"`, `"` + strings.Repeat("x", MaxJobBytes) + `"`, CodeJobTooLarge},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := DecodeJob(jobText(tt.old, tt.new))
			if tt.code == "" && err != nil {
				t.Fatal(err)
			}
			wantCode(t, err, tt.code)
			if err != nil && (strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "Jane")) {
				t.Errorf("not one line, or it quotes the message: %q", err)
			}
		})
	}
}

func TestRefusalStillNamesTheJob(t *testing.T) {
	env, _, err := DecodeJob(jobText("1.2.3", ""))
	wantCode(t, err, CodeJobInvalid)
	if env.ID != "7" {
		t.Errorf("id %q", env.ID)
	}
}

func TestJobLimitsAreInclusive(t *testing.T) {
	job := sampleJob(MaxJobNodules)
	job.Nodules[0].PositionLPS = [3]float64{maxCoordinateMM, -maxCoordinateMM, 0}
	if _, err := EncodeJob("/d", "1", job); err != nil {
		t.Error(err)
	}
	empty, err := EncodeJob("/d", "1", sampleJob(0))
	if err != nil {
		t.Fatal(err)
	}
	for _, pad := range []int{0, 1} {
		spaces := strings.Repeat(" ", MaxJobBytes-len(empty)+pad)
		if _, _, err := DecodeJob(append(empty, spaces...)); (err == nil) != (pad == 0) {
			t.Errorf("%d bytes over the limit: %v", pad, err)
		}
	}
}

func TestEncodeJobRefuses(t *testing.T) {
	set := func(x float64) Job {
		job := sampleJob(1)
		job.Nodules[0].PositionLPS[1] = x
		return job
	}
	long := sampleJob(MaxJobNodules)
	for i := range long.Nodules {
		long.Nodules[i].ID += strings.Repeat("<", 120) // six bytes of JSON each
	}
	tests := map[string]struct {
		job  Job
		id   string
		code Code
	}{
		"NaN":        {set(math.NaN()), "1", CodeJobInvalid},
		"infinite":   {set(math.Inf(-1)), "1", CodeJobInvalid},
		"too long":   {long, "1", CodeJobTooLarge},
		"no list":    {Job{SeriesUID: "1", URI: "file:///a"}, "1", CodeJobInvalid},
		"513":        {sampleJob(MaxJobNodules + 1), "1", CodeTooManyNodules},
		"no id":      {sampleJob(1), "", CodeNotCloudEvent},
		"control id": {sampleJob(1), "a\x00b", CodeNotCloudEvent},
	}
	for name, tt := range tests {
		_, err := EncodeJob("/d", tt.id, tt.job)
		if CodeOf(err) != tt.code {
			t.Errorf("%s: %v, want %s", name, err, tt.code)
		}
	}
}

// TestNodulesNameTheirSeries: in every spelling that files of candidates may use.
func TestNodulesNameTheirSeries(t *testing.T) {
	_, job, err := DecodeJob(jobText(`"id":"a"`, `"id":"a","SeriesInstanceUID":"1.2.4 ","studyUID":"1.3","frame_of_reference_uid":"1.4"`))
	if n := job.Nodules[0]; err != nil || n.SeriesUID != "1.2.4" || n.StudyUID != "1.3" || n.FrameOfReferenceUID != "1.4" {
		t.Errorf("%+v, %v", n, err)
	}
	_, job, err = DecodeJob(jobText(`"priority"`, `"StudyInstanceUID":"1.3","frameOfReferenceUid":"1.4","priority"`))
	if err != nil || job.StudyUID != "1.3" || job.FrameOfReferenceUID != "1.4" || job.SeriesUID != "1.2.3" {
		t.Errorf("%+v, %v", job, err)
	}
}

// TestTimesAreNamed: a time that is none, or has no zone, is refused by the name
// of its field, with what is right.
func TestTimesAreNamed(t *testing.T) {
	for _, tt := range []struct {
		old, new, field string
		code            Code
	}{
		{`"priority"`, `"deadline":1767225600,"priority"`, "field deadline ", CodeJobInvalid},
		{`"priority"`, `"deadline":"2030-01-01T00:00:00","priority"`, "field deadline ", CodeJobInvalid},
		{`"priority"`, `"deadline":"2030-01-01","priority"`, "field deadline ", CodeJobInvalid},
		{`"id":"7"`, `"time":"2026-01-31T08:00:00.123456","id":"7"`, "attribute time ", CodeNotCloudEvent},
		{`"id":"7"`, `"time":1767225600,"id":"7"`, "attribute time ", CodeNotCloudEvent},
	} {
		_, _, err := DecodeJob(jobText(tt.old, tt.new))
		wantCode(t, err, tt.code)
		if err == nil || !strings.Contains(err.Error(), tt.field+timeForm) {
			t.Errorf("%s: %v", tt.new, err)
		}
	}
	if _, _, err := DecodeJob(jobText(`"priority"`, `"deadline":null,"priority"`)); err != nil {
		t.Errorf("no deadline: %v", err)
	}
}
