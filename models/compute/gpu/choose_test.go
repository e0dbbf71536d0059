package gpu

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/nodulescope/nodulescope/models/compute/gpu/internal/driver"
)

func TestChoose(t *testing.T) {
	card := driver.Device{API: driver.CUDA, Type: driver.GPU, Name: "card", Capability: "9.0", Memory: 80 << 30, Group: 1024, Local: 48 << 10}
	same := card
	same.API = driver.OpenCL
	pocl := driver.Device{API: driver.OpenCL, Index: 1, Type: driver.CPU, Name: "pocl", Memory: 8 << 30, Group: 4096, Local: 512 << 10}
	old, small, narrow := card, card, card
	old.Capability, small.Memory, narrow.Local = "7.0", 512<<20, 16<<10
	missing := []driver.Missing{{API: driver.CUDA, Reason: "no driver"}}
	for _, c := range []struct {
		setting string
		all     []driver.Device
		want    string
		err     bool
	}{
		{"auto", []driver.Device{card, same, pocl}, "cuda:0 opencl:0", false},
		{"", []driver.Device{pocl}, "", false}, // never the processor in disguise
		{"auto", nil, "", false},
		{"auto", []driver.Device{old, small, narrow}, "", false},
		{"gpu", []driver.Device{pocl, same}, "opencl:0", false},
		{"gpu", []driver.Device{pocl}, "", true},
		{"cpu", []driver.Device{card}, "", false},
		{"opencl:1", []driver.Device{card, same, pocl}, "opencl:1", false},
		{"opencl:2", []driver.Device{card, same, pocl}, "", true},
		{"nonsense", nil, "", true},
	} {
		try, why, err := Choose(c.setting, c.all, missing)
		var got []string
		for _, d := range try {
			got = append(got, d.ID())
		}
		if strings.Join(got, " ") != c.want || (err != nil) != c.err || (err == nil && why == "") || (err != nil && !errors.Is(err, ErrNoDevice)) {
			t.Errorf("%q of %d devices: %v (%s), %v", c.setting, len(c.all), got, why, err)
		}
	}
}

// TestSelfCheck passes on what is there, and not on a device that does nothing.
func TestSelfCheck(t *testing.T) {
	onEach(t, func(t *testing.T, b strict) {
		if err := b.selfCheck(); err != nil {
			t.Error(err)
		}
	})
	left := &atomic.Int64{}
	b, err := on(fails(first(t), left, nil), Options{}) // submissions do nothing
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := b.selfCheck(); err == nil || !strings.Contains(err.Error(), "does not compute") {
		t.Errorf("a device that computes nothing passes: %v", err)
	}
}

// TestOpenFirst goes on to the next device where one cannot be opened.
func TestOpenFirst(t *testing.T) {
	all := devices(t)
	ghost := driver.Device{API: driver.CUDA, Type: driver.GPU, Group: 1024, Local: 48 << 10}
	b, err := OpenFirst([]driver.Device{ghost, all[0]}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if b.Device().ID() != all[0].ID() {
		t.Errorf("opened %s", b.Device().ID())
	}
	if _, err := OpenFirst([]driver.Device{ghost}, Options{}); !errors.Is(err, driver.ErrUnavailable) {
		t.Errorf("a device that is not there gives %v", err)
	}
}
