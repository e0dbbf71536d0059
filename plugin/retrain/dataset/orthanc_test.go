package dataset

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/web/orthanctest"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
	"github.com/nodulescope/nodulescope/plugin/series"
)

// Of a PACS the data set is the same, to the bit, as of the folder; what neither
// has is left out, and a PACS that does not answer is an error.
func TestBuildFromPACS(t *testing.T) {
	pacs := orthanctest.Start(t, orthanctest.Settings{})
	s := newSite(t)
	s.decide(s.add(ann, "1", [3]float64{1, 0, 0}), 0, "r", bus.Suspicious, "", 1)
	gone := *s.add(bob, "2", [3]float64{})
	pacs.StoreSCU(s.dir)
	gone.Identity, gone.SeriesUID = "sha256:gone", "1.2.3"
	s.in.Results = append(s.in.Results, gone)
	save := func() string {
		path := filepath.Join(t.TempDir(), "site.npz")
		set := s.build()
		if x := set.Card.excluded(dicomio.CodeSeriesNotFound); x.Nodules != 1 || set.Card.Counts.Nodules != 2 {
			t.Errorf("%+v, %+v", set.Card.Exclusions, set.Card.Counts)
		}
		plugintest.Must(t, set.Save(path))
		return path
	}
	of := FilesOf(save())
	archives, err := series.NewArchives(pacs.Options())
	plugintest.Must(t, err)
	s.in.Folders, s.in.Reader = nil, series.Reader{Archives: archives}
	from := FilesOf(save())
	for i, name := range of.list() {
		one, err1 := os.ReadFile(name)
		two, err2 := os.ReadFile(from.list()[i])
		if err1 != nil || err2 != nil || !bytes.Equal(one, two) {
			t.Errorf("%s differs: %v, %v", filepath.Base(name), err1, err2)
		}
	}
	pacs.Kill()
	_, err = NewPlan(plugintest.Context(t), s.in, s.opt)
	plugintest.WantCode(t, err, dicomio.CodeUnreachable)
}
