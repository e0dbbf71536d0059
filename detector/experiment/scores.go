package experiment

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/detector/evaluation"
)

// scoresOf is the file of the scores of a set: in a unit's folder of that
// network, in the run's of all of them.
func scoresOf(set string) string {
	if set == testSet {
		return "test-" + scoresFile
	}
	return scoresFile
}

// scores reads what some networks gave to the cases of a set. The scores of a
// unit are in its own file or, in a folder that keeps no more than results are
// made of, in the run's.
func (o Options) scores(units []unit, file string) ([][]evaluation.Scored, error) {
	var out [][]evaluation.Scored
	var all []evaluation.Scored
	for _, u := range units {
		where := o.unit(u)
		if !where.has(file) && folder(o.Dir).has(file) {
			where = folder(o.Dir)
		}
		one := all
		if where != folder(o.Dir) || all == nil {
			b, err := where.read(file)
			if err != nil {
				return nil, fmt.Errorf("%w; run the experiment without --rebuild to make what is missing", err)
			}
			if one, err = evaluation.ReadCSV(bytes.NewReader(b)); err != nil {
				return nil, fmt.Errorf("%s: %w", where.path(file), err)
			}
		}
		if where == folder(o.Dir) {
			all = one
			if one = ofUnit(all, u); len(one) == 0 {
				return nil, fmt.Errorf("experiment: %s has no scores of %s; run the experiment without --rebuild to make what is missing", where.path(file), u.name())
			}
		}
		if len(out) > 0 && !sameRows(out[0][0], one[0]) {
			return nil, fmt.Errorf("experiment: %s was scored by another version of this program, in other ways than %s: remove it, and the same command scores it again with the network that is there",
				where.path(file), o.unit(units[0]).path(file))
		}
		out = append(out, one)
	}
	return out, nil
}

// ofUnit are the scores that a unit's network gave.
func ofUnit(all []evaluation.Scored, u unit) []evaluation.Scored {
	var one []evaluation.Scored
	for _, s := range all {
		if s.Seed == u.seed && s.Fold == u.fold {
			one = append(one, s)
		}
	}
	return one
}

// sameRows says whether two cases are ranked in the same ways.
func sameRows(a, b evaluation.Scored) bool {
	return slices.EqualFunc(a.Values, b.Values, func(x, y detector.Term) bool { return x.Name == y.Name })
}

// gather writes the scores of all networks into the run's own files. The cases
// of a network keep their order, which tables of several networks depend on.
func (o Options) gather(sets []Set) error {
	files := map[string][]evaluation.Scored{}
	for _, s := range sets {
		file := scoresOf(choiceSet)
		if s.Name == testFilesName {
			file = scoresOf(testSet)
		}
		files[file] = append(files[file], s.lines()...)
	}
	for file, scored := range files {
		var b bytes.Buffer
		if err := evaluation.WriteCSV(&b, scored); err != nil {
			return err
		}
		if err := folder(o.Dir).write(b.Bytes(), file); err != nil {
			return err
		}
	}
	return nil
}

// lines are the scores of all networks: case by case where all scored the same
// ones, which compresses well, network by network otherwise.
func (s *Set) lines() []evaluation.Scored {
	if s.Runs.By != "seed" {
		return slices.Concat(s.all...)
	}
	var out []evaluation.Scored
	for i := range s.all[0] {
		for _, one := range s.all {
			out = append(out, one[i])
		}
	}
	return out
}
