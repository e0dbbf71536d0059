package retrain

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/detector/rungs"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/retrain/dataset"
)

// Plan is what a retraining will do.
type Plan struct {
	Kind     string           `json:"kind"`
	Mode     Mode             `json:"mode"`
	Start    string           `json:"start"`
	Parent   string           `json:"parent"`
	From     string           `json:"parent_version,omitempty"` // what the parent is called here; empty: files that were named
	Data     DataFacts        `json:"data"`
	Work     []Work           `json:"work"`
	Enough   []dataset.Enough `json:"enough_for"`
	Warnings []string         `json:"warnings"`

	o Options
}

// Least numbers of nodules, of all sides but the test side, and from where on
// docs/retraining.md measured a gain.
const (
	leastNormals   = rungs.MinNormals
	leastAnomalies = detector.MinCalibration
	usefulDecided  = 100
)

// NewPlan looks at the data and decides what can be done of what was asked for.
// What the data are not enough for is refused with CodeTooFew.
func NewPlan(o Options) (*Plan, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	p := &Plan{Kind: o.kind(), Start: o.start(), From: o.Incumbent.From, o: o, Warnings: []string{}}
	var err error
	if p.Parent, err = o.Incumbent.Digest(); err != nil {
		return nil, err
	}
	p.Data = DataFacts{Digest: o.Data.Set.Digest(), Sets: o.Data.sets, SplitSeed: detector.DefaultSplitSeed, HeldBack: "test", Sides: o.Data.sides(), Twice: o.Data.joined.Twice}
	all := count("", "", o.Data.learned())
	p.judge(all)
	if err := p.choose(all); err != nil {
		return nil, err
	}
	p.Work = p.work(speeds)
	p.warn(all)
	return p, nil
}

// choose sets the mode, or refuses.
func (p *Plan) choose(all Side) error {
	few := func(what string) error {
		return refuse(CodeTooFew, "retrain", fmt.Sprintf("%s; beside the test side there are %s. Review more nodules", what, all.text()), nil)
	}
	if all.Normals < leastNormals {
		return few(fmt.Sprintf("%d nodules that look benign are needed for anything", leastNormals))
	}
	if p.o.Recalibrate {
		return nil
	}
	p.Mode = p.o.Mode
	others, calibrates := all.Anomalies+all.Unlabelled, all.Anomalies >= leastAnomalies
	if p.Mode == ModeAuto {
		switch {
		case calibrates:
			p.Mode = ModeDecisions
		case others >= rungs.MinNormals:
			p.Mode = ModeUnlabelled
		default:
			p.Mode = ModeNormals
		}
	}
	if p.Mode == ModeDecisions && !calibrates {
		return few(fmt.Sprintf("%d suspicious nodules are needed to learn of decisions; try --mode normals-unlabelled, or --recalibrate", leastAnomalies))
	}
	if p.Mode == ModeUnlabelled && others < rungs.MinNormals {
		return few(fmt.Sprintf("%d other nodules are needed beside those that look benign; try --mode normals", rungs.MinNormals))
	}
	train, outside := p.Data.Sides[0].Normals, p.Data.Sides[1].Normals+p.Data.Sides[2].Normals
	if slices.ContainsFunc(p.o.Incumbent.Detectors, p.o.learns) && (train == 0 || outside == 0) {
		return few("a detector needs normals on the training side, and on the validation or calibration side; try --keep for each of them, or --recalibrate")
	}
	return nil
}

// learnsRungs tells whether rungs learn at all: what is learned has to be calibrated.
func (p *Plan) learnsRungs() []rungs.Name {
	if p.Kind == KindRecalibrate || count("", "", p.o.Data.learned()).Anomalies < leastAnomalies {
		return nil
	}
	return slices.DeleteFunc(p.Mode.learns(), func(n rungs.Name) bool { return slices.Contains(p.o.Settings.Keep, string(n)) })
}

func (p *Plan) judge(all Side) {
	add := func(what, needs string, ok bool) {
		p.Enough = append(p.Enough, dataset.Enough{For: what, Needs: needs + ", beside the test side", Has: fmt.Sprintf("%d and %d", all.Normals, all.Anomalies), OK: ok})
	}
	both := all.Normals >= leastNormals && all.Anomalies >= leastAnomalies
	add("percentiles of the site's normals", fmt.Sprintf("%d normals", leastNormals), all.Normals >= leastNormals)
	add("the headline's probability and threshold (--recalibrate)", fmt.Sprintf("%d normals and %d anomalies", leastNormals, leastAnomalies), both)
	for _, d := range p.o.Incumbent.Detectors {
		labelled, _ := p.o.Data.unseen(d)
		if p.o.learns(d) {
			labelled = p.o.Data.Split.Calibration
		}
		side := count("", "", labelled)
		p.Enough = append(p.Enough, dataset.Enough{For: d.Name() + ": probability and threshold", Needs: fmt.Sprintf("%d normals and %d anomalies of patients that its training has not seen", detector.MinCalibration, detector.MinCalibration),
			Has: fmt.Sprintf("%d and %d", side.Normals, side.Anomalies), OK: side.Normals >= detector.MinCalibration && side.Anomalies >= detector.MinCalibration})
	}
	add("a headline that learns of the site's decisions", fmt.Sprintf("%d decided, of these %d normals and %d anomalies", usefulDecided, leastNormals, leastAnomalies), both && all.Normals+all.Anomalies >= usefulDecided)
}

func (p *Plan) warn(all Side) {
	say := func(format string, args ...any) { p.Warnings = append(p.Warnings, fmt.Sprintf(format, args...)) }
	if p.o.Data.Card == nil {
		say("The data set has no card: nobody can tell whether it is what the site's decisions say, or who was left out.")
	}
	if all.Anomalies == 0 {
		say("One class only: no nodule is suspicious to a reader. Detectors stay without a probability, and rungs get percentiles alone.")
	} else if p.Kind == KindRetrain && all.Normals+all.Anomalies < usefulDecided {
		say("%d nodules are decided: too few to expect a gain (docs/retraining.md); --recalibrate is the safer way.", all.Normals+all.Anomalies)
	}
	calibration := p.Data.Sides[2]
	for _, d := range p.o.Incumbent.Detectors {
		if p.o.learns(d) && min(calibration.Normals, calibration.Anomalies) < detector.MinCalibration {
			say("The calibration side has too few nodules of a class: %s loses its probability; --keep %[1]s leaves it.", d.Name())
		}
	}
	if p.Start == StartScratch {
		say("From scratch everything that the incumbent has learned elsewhere is lost.")
	}
	if n := p.o.Data.joined.Twice; n > 0 {
		say("%d nodules are in more than one data set and count once, %d of them with different labels: the first counts.", n, p.o.Data.joined.Relabels)
	}
	if c := p.o.Data.Card; c != nil {
		p.Warnings = append(p.Warnings, c.Warnings...)
	}
}

// speed is what one unit of each kind of work takes, seconds.
type speed struct{ epochStep, vaeScore, ganStep, ganScore, describe, rungs float64 }

// speeds are those of two cores, before anything is measured.
var speeds = speed{epochStep: 0.25, vaeScore: 0.04, ganStep: 1.3, ganScore: 0.12, describe: 0.3, rungs: 10}

// work lists the parts in their order, with what they take.
func (p *Plan) work(v speed) []Work {
	var out []Work
	add := func(name, about, unit string, units int, seconds float64) {
		out = append(out, Work{Name: name, About: about, Unit: unit, Units: units, Seconds: seconds})
	}
	d, s := p.o.Data, p.o.Settings
	learned := len(d.learned().Samples)
	add(partDescribe, "outlined by the incumbent's network, and measured", "nodules", learned, v.describe*float64(learned))
	train := len(d.Split.TrainNormals())
	steps := math.Ceil(float64(train) / math.Max(float64(s.Batch), 1))
	for _, x := range p.o.Incumbent.Detectors {
		gan := x.Name() == detector.GANName
		each := v.vaeScore
		if gan {
			each = v.ganScore
		}
		scored, more := d.unseen(x)
		if p.o.learns(x) {
			scored, more = d.Split.Calibration, detector.Normals(d.Split.Validation)
			switch {
			case gan:
				parts := 1
				if g, ok := x.(*detector.GANAD); ok {
					parts = ganParts(g)
				}
				add(partTrain(x, 0), fmt.Sprintf("%d normals, %s", train, p.Start), "steps", s.GANSteps*parts, v.ganStep*float64(s.GANSteps*parts))
				if p.Start == StartContinued {
					add(partChoose(x), "further steps or none, by the normals of the validation side", "nodules", 2*len(more), 2*each*float64(len(more)))
				}
			default:
				for i, rate := range s.Rates {
					add(partTrain(x, i), fmt.Sprintf("%d normals, %s, learning rate %g", train, p.Start, rate), "epochs", s.Epochs, v.epochStep*steps*float64(s.Batch)/32*float64(s.Epochs))
				}
			}
		}
		labelled := scored.Filter(func(s *nodule.Sample) bool { return s.Label != nodule.Indeterminate })
		n := len(labelled.Samples) + len(more)
		add(partCalibrate(x), "probability, threshold and percentiles", "nodules", n, each*float64(n))
	}
	about := "probability, threshold and percentiles"
	if names := p.learnsRungs(); len(names) > 0 {
		about = fmt.Sprintf("%d of 3 learn, %s; all are calibrated", len(names), p.Start)
	}
	add(partRungs, about, "rungs", len(p.o.Incumbent.Rungs.Rungs), v.rungs)
	return out
}

// Names of parts.
const (
	partDescribe = "describe nodules"
	partRungs    = "rungs"
)

func partTrain(d detector.Detector, i int) string {
	return fmt.Sprintf("%s: training %d", d.Name(), i+1)
}
func partChoose(d detector.Detector) string    { return d.Name() + ": choice" }
func partCalibrate(d detector.Detector) string { return d.Name() + ": calibration" }

// Expected is how long the whole will take.
func (p *Plan) Expected() (whole time.Duration) {
	for i := range p.Work {
		whole += p.Work[i].Time()
	}
	return whole
}

// Tell sets who is told of the progress of Run.
func (p *Plan) Tell(progress func(Progress)) { p.o.Progress = progress }
