package gate

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/detector/outline"
	"github.com/nodulescope/nodulescope/detector/rungs"
	"github.com/nodulescope/nodulescope/internal/digest"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
)

var (
	powerPatients = flag.String("power", "", "`NUMBERS` of patients who are held back, separated by commas; empty: nothing is measured")
	powerData     = flag.String("power-data", "", "`FILE` of a data set, patients of which are the site; empty: phantoms")
	powerSites    = flag.Int("power-sites", 5, "`NUMBER` of sites, phantoms of their own or draws of patients")
	powerHeld     = flag.Int("power-held", 80, "phantom scans, of four nodules each, that are held back")
)

// TestPower prints how wide the interval of the gates is around a change in AUROC, and how
// often it allows, by how many patients are held back. Twice a headline is retrained:
// from models that have seen nothing of the kind, and once more when there are twice
// as many decisions, where little is left to be gained.
func TestPower(t *testing.T) {
	if *powerPatients == "" {
		t.Skip("takes ten minutes: make power")
	}
	var sizes []int
	for text := range strings.SplitSeq(*powerPatients, ",") {
		n, err := strconv.Atoi(text)
		plugintest.Must(t, err)
		sizes = append(sizes, n)
	}
	if fixed == nil {
		ds, _, err := Phantoms(t.Context(), DefaultPhantoms, nil)
		plugintest.Must(t, err)
		fixed = measured(t, ds)
	}
	var found [2]map[string]*spread
	for site := range *powerSites {
		var held []rungs.Case
		var steps []*rungs.Rungs
		if *powerData == "" {
			held, steps = phantomSteps(t, site)
		} else {
			held, steps = dataSteps(t, site)
		}
		for k := range found {
			if found[k] == nil {
				found[k] = map[string]*spread{}
			}
			add := func(name string, cases []rungs.Case, patients int) {
				s := cmp.Or(found[k][name], &spread{})
				s.add(t, cases, steps[k], steps[k+1], patients, uint64(site)) //nolint:gosec // counted
				found[k][name] = s
			}
			for _, n := range sizes {
				add(fmt.Sprintf("%03d", n), held, n)
			}
			add("reference", fixed, DefaultPhantoms)
		}
	}
	for k, name := range []string{"first", "once more"} {
		for _, of := range slices.Sorted(maps.Keys(found[k])) {
			t.Logf("| %s | %s | %s |", name, of, found[k][of])
		}
	}
}

// spread gathers comparisons on as many patients.
type spread struct{ normals, anomalies, change, half, allowed, n float64 }

func (s *spread) String() string {
	return fmt.Sprintf("%.0f, %.0f | %+.3f | ± %.3f | %.0f of %.0f", s.normals/s.n, s.anomalies/s.n, s.change/s.n, s.half/s.n, s.allowed, s.n)
}

// add compares on groups of n patients, none of whom is in two.
func (s *spread) add(t *testing.T, held []rungs.Case, before, after *rungs.Rungs, n int, seed uint64) {
	t.Helper()
	var patients []string
	for i := range held {
		patients = append(patients, held[i].Patient)
	}
	slices.Sort(patients)
	patients = slices.Compact(patients)
	rand.New(rand.NewPCG(seed, 7)).Shuffle(len(patients), func(i, k int) { patients[i], patients[k] = patients[k], patients[i] }) //nolint:gosec // a draw
	for group := range slices.Chunk(patients, n) {
		if len(group) < n {
			break
		}
		known := &truth{}
		var shown [2][]float64
		for i := range held {
			c := &held[i]
			if !slices.Contains(group, c.Patient) || c.Label == nodule.Indeterminate {
				continue
			}
			known.anomalous, known.normal = append(known.anomalous, c.Label == nodule.Anomaly), append(known.normal, c.Label != nodule.Anomaly)
			known.diameters, known.patients = append(known.diameters, 0), append(known.patients, c.Patient)
			for k, r := range []*rungs.Rungs{before, after} {
				a, err := r.Score(c.Features, 0)
				plugintest.Must(t, err)
				logistic := r.Rungs[slices.IndexFunc(r.Rungs, func(g rungs.Rung) bool { return g.Name == rungs.Rated && !g.Diameter })].Calibration.Logistic
				shown[k] = append(shown[k], logistic.Intercept+logistic.Slope*a.Headline.Raw)
			}
		}
		_, normals, anomalies := known.count()
		c := known.auroc(shown[0], shown[1])
		s.normals, s.anomalies, s.n = s.normals+float64(normals), s.anomalies+float64(anomalies), s.n+1
		s.change, s.half = s.change+c.Difference, s.half+(c.High-c.Low)/2
		if known.enough() && c.Known && c.Low > -Margin {
			s.allowed++
		}
	}
}

// phantomSteps are the shipped headline, one that has learned of 300 nodules of a phantom site, and one of 600.
func phantomSteps(t *testing.T, site int) (held []rungs.Case, steps []*rungs.Rungs) {
	t.Helper()
	const scans = 75
	shipped, err := rungs.Pretrained()
	plugintest.Must(t, err)
	learned := measured(t, gainSite(t, 2*site, 2*scans))
	held = measured(t, gainSite(t, 2*site+1, *powerHeld))
	steps = []*rungs.Rungs{shipped}
	for _, n := range []int{4 * scans, min(8*scans, len(learned))} {
		next, _, err := rungs.Renew(t.Context(), steps[len(steps)-1], learned[:n], rungs.RenewOptions{Learn: rungs.Names(), Seed: 1})
		plugintest.Must(t, err)
		steps = append(steps, next)
	}
	return held, steps
}

var (
	dataCases []rungs.Case
	fixed     []rungs.Case // the reference of phantoms
)

// dataSteps are a headline of a quarter of the patients of a data set, and what it goes on
// to with another quarter, and with an eighth more.
func dataSteps(t *testing.T, site int) (held []rungs.Case, steps []*rungs.Rungs) {
	t.Helper()
	if dataCases == nil {
		ds, err := nodule.LoadNPZ(*powerData)
		plugintest.Must(t, err)
		dataCases = measured(t, ds)
	}
	cases := slices.Clone(dataCases)
	var part [4][]rungs.Case
	for i := range cases {
		c := &cases[i]
		name := digest.Of([]byte(fmt.Sprint(site, c.Patient)))
		c.Patient = name // in another group for every site
		var at int
		_, err := fmt.Sscanf(name[len(name)-4:], "%x", &at)
		plugintest.Must(t, err)
		k := []int{0, 0, 1, 1, 2, 3, 3, 3}[at%8]
		part[k] = append(part[k], *c)
	}
	first, err := rungs.Train(t.Context(), part[0], rungs.TrainOptions{Seed: 1})
	plugintest.Must(t, err)
	steps = []*rungs.Rungs{first}
	for _, more := range [][]rungs.Case{part[1], slices.Concat(part[1], part[2])} {
		next, _, err := rungs.Renew(t.Context(), steps[len(steps)-1], more, rungs.RenewOptions{Learn: rungs.Names(), Seed: 1})
		plugintest.Must(t, err)
		steps = append(steps, next)
	}
	return part[3], steps
}

// measured outlines and measures nodules with the network in the binary.
func measured(t *testing.T, ds *nodule.Dataset) (cases []rungs.Case) {
	t.Helper()
	o, err := outline.Pretrained()
	plugintest.Must(t, err)
	by := rungs.ByNetwork(o)
	for i := range ds.Samples {
		v, _, err := rungs.Describe(t.Context(), &ds.Samples[i], by)
		plugintest.Must(t, err)
		cases = append(cases, rungs.CaseOf(&ds.Samples[i], v))
	}
	return cases
}
