package watch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/web"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/internal/digest"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/series"
)

// Orthanc follows the journal of an Orthanc. Server, Archives and DICOMweb are
// needed.
type Orthanc struct {
	Server    *web.Orthanc
	Archives  *series.Archives // one of them is this Orthanc
	DICOMweb  string           // its address there; jobs carry it
	FromStart bool             // at the first start of the watcher, take what is there already
}

var _ Source = (*Orthanc)(nil)

const (
	positionName = "orthanc"
	changesAsked = 1000
)

func (o *Orthanc) archives() *series.Archives { return o.Archives }

// poll follows the journal to its end. The position is kept in the same
// transaction as what was learnt up to there.
func (o *Orthanc) poll(ctx context.Context, w *Watcher) error {
	position, there, err := w.state.position(positionName)
	if err != nil {
		return wrapState(err)
	}
	if !there {
		if !o.FromStart {
			if position, err = o.Server.LastChange(ctx); err != nil {
				return err
			}
		}
		if err := o.advance(w, position, nil, nil); err != nil {
			return err
		}
		w.log.Info("following the journal of Orthanc", "position", position)
	}
	for {
		changes, last, done, err := o.Server.Changes(ctx, position, changesAsked)
		if err != nil {
			return err
		}
		if len(changes) == 0 {
			end, err := o.Server.LastChange(ctx)
			if err != nil {
				return err
			}
			if end < position { // a new database
				w.log.Warn("the journal of Orthanc begins anew: reading it from its start", "position", position, "end", end)
				position = 0
				if err := o.advance(w, 0, nil, nil); err != nil {
					return err
				}
				continue
			}
			return o.overlooked(ctx, w)
		}
		series, notes, err := o.read(ctx, w, changes)
		if err != nil {
			return err
		}
		position = max(last, changes[len(changes)-1].Seq)
		if err := o.advance(w, position, series, notes); err != nil {
			return err
		}
		w.log.Debug("journal read", "position", position)
		if done {
			return o.overlooked(ctx, w)
		}
	}
}

func (o *Orthanc) advance(w *Watcher, position int64, series []sighting, notes []note) error {
	return wrapState(w.state.db.Update(func(tx *bbolt.Tx) error {
		for _, s := range series {
			if err := see(tx, s, w.opts.Now()); err != nil {
				return err
			}
		}
		for _, n := range notes {
			if err := keep(tx, n, w.opts.Now()); err != nil {
				return err
			}
		}
		return setPosition(tx, positionName, position)
	}))
}

// read learns what changed.
func (o *Orthanc) read(ctx context.Context, w *Watcher, changes []web.Change) (seen []sighting, notes []note, err error) {
	ids, list, err := o.changed(ctx, changes)
	if err != nil {
		return nil, nil, err
	}
	for i, s := range list {
		switch {
		case s.Modality == "CT":
			seen = append(seen, sighting{
				studyUID: s.StudyUID, seriesUID: s.SeriesUID, uri: series.ArchiveURI(o.DICOMweb, s.StudyUID, s.SeriesUID),
				id: ids[i], version: versionOf(s), stable: settled(s),
			})
		case s.Modality == "SR": // read when it is new, and again for what comes later
			found, err := o.reports(ctx, w, s)
			if err != nil {
				return nil, nil, err
			}
			notes = append(notes, found...)
		}
	}
	return seen, notes, nil
}

// changed asks for each series of which the journal tells something, as it is now. Images
// are looked at, too: where more of them come to a series and Orthanc dies before it calls
// that stable again, its journal has nothing else.
func (o *Orthanc) changed(ctx context.Context, changes []web.Change) (ids []string, list []web.OrthancSeries, err error) {
	asked := map[string]bool{} // series, and their images
	for _, c := range changes {
		id := c.ID
		switch {
		case asked[id]:
			continue
		case c.Kind == web.ChangeNewInstance:
			if id, err = o.Server.SeriesOf(ctx, id); err == nil && asked[id] {
				continue // deleted, or moved, between two questions
			}
		case c.Kind != web.ChangeNewSeries && c.Kind != web.ChangeStableSeries:
			continue
		}
		var s web.OrthancSeries
		if err == nil {
			s, err = o.Server.Series(ctx, id)
		}
		if dicomio.CodeOf(err) == dicomio.CodeNotStored {
			err = nil
			continue // deleted since
		}
		if err != nil {
			return nil, nil, err
		}
		asked[id] = true
		for _, image := range s.Instances {
			asked[image] = true
		}
		ids, list = append(ids, id), append(list, s)
	}
	return ids, list, nil
}

// settled tells whether no more images are expected. Where it is not, overlooked asks again.
func settled(s web.OrthancSeries) bool { return s.Stable && len(s.Instances) >= s.Expected }

// reports reads the candidates in the reports of a series.
func (o *Orthanc) reports(ctx context.Context, w *Watcher, s web.OrthancSeries) (notes []note, err error) {
	for _, id := range s.Instances {
		file, err := o.Server.File(ctx, id)
		if dicomio.CodeOf(err) == dicomio.CodeNotStored {
			continue
		}
		if err != nil {
			return nil, err
		}
		n, err := readNote(file)
		if err == nil && (n.file == nil || n.file.Kind != nodule.KindReport) {
			err = fmt.Errorf("%w: not a report", errNoNote)
		}
		if err != nil { // one of another kind, without a nodule, or our own
			level := slog.LevelInfo
			if errors.Is(err, errOwn) {
				level = slog.LevelDebug
			}
			w.log.Log(ctx, level, "report passed over", "code", coded.CodeOf(err), "reason", reason(err))
			continue
		}
		n.Digest, n.Report, n.file = digest.Texts(string(file)), n.file.Marks, nil // as it is kept
		notes = append(notes, n)
	}
	return notes, nil
}

// versionOf follows from the images of a series.
func versionOf(s web.OrthancSeries) string {
	return digest.Texts(slices.Sorted(slices.Values(s.Instances))...)
}

// ready asks whether images have come since the series was called stable.
func (o *Orthanc) ready(ctx context.Context, e *entry) (bool, error) {
	s, err := o.Server.Series(ctx, e.SourceID)
	if dicomio.CodeOf(err) == dicomio.CodeNotStored {
		return true, nil // opening it says that it is gone
	}
	return s.Stable, err
}

// overlooked finds series that are stable without a line in the journal: an
// Orthanc that was restarted meanwhile does not write one.
func (o *Orthanc) overlooked(ctx context.Context, w *Watcher) error {
	series, _, err := w.state.all()
	if err != nil {
		return wrapState(err)
	}
	for _, e := range series {
		if e.Stable || e.SourceID == "" {
			continue
		}
		s, err := o.Server.Series(ctx, e.SourceID)
		if dicomio.CodeOf(err) == dicomio.CodeNotStored {
			continue
		}
		if err != nil {
			return err
		}
		if !settled(s) {
			continue
		}
		at := sighting{studyUID: e.StudyUID, seriesUID: e.SeriesUID, uri: e.URI, id: e.SourceID, version: versionOf(s), stable: true}
		if err := w.state.db.Update(func(tx *bbolt.Tx) error { return see(tx, at, w.opts.Now()) }); err != nil {
			return wrapState(err)
		}
	}
	return nil
}
