package bench

import (
	"context"
	"errors"
	"testing"

	"github.com/nodulescope/nodulescope/models/compute"
)

func TestWhole(t *testing.T) {
	w := WholeWork{SearchSteps: 2, Epochs: 1, Patches: 2}
	last := 0
	rows, err := Whole(t.Context(), w, compute.Options{}, func(done, all int, what string) {
		if done < last || done > all || what == "" {
			t.Errorf("told %d of %d, %q after %d", done, all, what, last)
		}
		last = done
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 2 || rows[0].Name != "search, 2 steps, b16" || rows[1].Name != "training, 1 epochs" {
		t.Fatalf("rows %v", rows)
	}
	for _, r := range rows {
		if !(r.MS > 0) {
			t.Errorf("%s took %v ms", r.Name, r.MS)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Whole(ctx, w, compute.Options{}, func(int, int, string) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
