package outbox_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/plugin/outbox"
)

// reviews packs the newest version of a review.
type reviews struct {
	packer
	newest int
	packed []int // what was known to be stored, each time
}

func versionUID(v int) string { return fmt.Sprintf("1.2.826.0.1.3680043.10.9.77.%d", v) }

func (p *reviews) Pack(ctx context.Context, l outbox.Letter, stored int) (outbox.Parcel, error) {
	p.packed = append(p.packed, stored)
	if p.newest <= stored {
		return outbox.Parcel{}, outbox.ErrNothing
	}
	parcel, err := p.packer.Pack(ctx, l, stored)
	parcel.Version = p.newest
	parcel.Instance = func(version int) outbox.Instance {
		return outbox.Instance{StudyUID: studyUID, SeriesUID: seriesUID, SOPInstanceUID: versionUID(version)}
	}
	parcel.Instances = []outbox.Instance{parcel.Instance(p.newest)}
	parcel.Make = func(context.Context) ([][]byte, error) {
		file, err := dicomtest.Encode(dicomtest.Spec{Slices: 1, Rows: 4, Cols: 4, Edit: func(_ int, set dicomtest.Elements) {
			set.Set(0x00080018, "UI", versionUID(p.newest))
		}}, 0)
		return [][]byte{file}, err
	}
	return parcel, err
}

// TestVersionsOfAReview: each is sent once and knows the one before it, also
// where nobody heard that the PACS took that.
func TestVersionsOfAReview(t *testing.T) {
	p := newPost(t)
	r := &reviews{packer: *p.packer, newest: 1}
	p.packed = r
	p.add("a", outbox.Verified)
	stop := p.run()
	p.wait("sent", empty)
	stop()
	r.newest = 2
	p.add("a", outbox.Verified)
	stop = p.run()
	p.wait("sent again", empty)
	stop()
	if v, err := p.store.VerifiedVersion("a"); err != nil || v != 2 || p.pacs.stored() != 2 || r.packed[len(r.packed)-1] != 1 {
		t.Errorf("version %d, %v, stored %d times, packed after %v", v, err, p.pacs.stored(), r.packed)
	}

	p.pacs.set(func(p *pacs) { p.silent, p.deaf = true, true }) // version 3 is taken, and nobody hears of it
	r.newest = 3
	p.add("a", outbox.Verified)
	stop = p.run()
	p.wait("tried", func(_ outbox.Status, list []outbox.Letter) bool { return list[0].Attempts > 0 && list[0].Version == 3 })
	stop()
	p.pacs.set(func(p *pacs) { p.silent, p.deaf = false, false })
	r.newest = 4
	p.add("a", outbox.Verified)
	p.run()
	p.wait("sent", empty)
	if last := r.packed[len(r.packed)-1]; last != 3 {
		t.Errorf("version 4 was made as if %d was the one before it", last)
	}
	if v, err := p.store.VerifiedVersion("a"); err != nil || v != 4 {
		t.Errorf("version %d, %v", v, err)
	}
}
