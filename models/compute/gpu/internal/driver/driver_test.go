package driver

import (
	"errors"
	"testing"
)

// Doubles: y[i] = 2*y[i] + n, with the same signature as the engine's kernels.
const doubling = `__kernel void doubling(__global float *y, int n) {
	int i = get_global_id(0);
	y[i] = 2 * y[i] + n;
}`

// context opens the first OpenCL device, or skips.
func context(t *testing.T) Context {
	t.Helper()
	devices, missing := List()
	for _, d := range devices {
		if d.API == OpenCL {
			c, err := d.Open()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(c.Close)
			return c
		}
	}
	t.Skip("no OpenCL device (Debian's pocl-opencl-icd is one): ", missing)
	return nil
}

// alloc takes memory of a device until the test ends.
func alloc(t *testing.T, c Context, bytes int) Memory {
	t.Helper()
	m, err := c.Alloc(bytes)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Release)
	return m
}

// queue opens a queue of a device until the test ends.
func queue(t *testing.T, c Context) Queue {
	t.Helper()
	q, err := c.Queue()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(q.Release)
	return q
}

// TestList says something of every interface.
func TestList(t *testing.T) {
	devices, missing := List()
	told := map[string]bool{}
	for _, d := range devices {
		told[d.API] = true
		if d.Name == "" || d.Memory <= 0 || d.Units <= 0 || d.Group <= 0 || d.Local <= 0 || d.Driver == "" {
			t.Errorf("%s is told as %+v", d.ID(), d)
		}
	}
	for _, m := range missing {
		told[m.API] = true
		if m.Reason == "" {
			t.Errorf("%s is missing for no reason", m.API)
		}
	}
	if !told[OpenCL] || !told[CUDA] {
		t.Errorf("devices %v, missing %v", devices, missing)
	}
}

// TestRecordAndSubmit runs copies and a kernel, again and again.
func TestRecordAndSubmit(t *testing.T) {
	c := context(t)
	if err := c.Load(Program{Source: doubling}); err != nil {
		t.Fatal(err)
	}
	m := alloc(t, c, 4*64)
	other := alloc(t, c, 4*64)
	q := queue(t, c)
	in, out := make([]float32, 64), make([]float32, 64)
	record := func(ops ...Op) Recording {
		r, err := q.Record(ops)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(r.Release)
		return r
	}
	before := record(Op{To: m, Host: Bytes(in)})
	body := record(Op{Kernel: "doubling", Groups: [3]int{4, 1, 1}, Local: 16, Mem: []Memory{m}, Ints: []int32{3}})
	after := record(Op{To: other, From: m, FromAt: 4, Size: 4 * 63}, Op{From: other, Host: Bytes(out)})
	for round := range 3 {
		for i := range in {
			in[i] = float32(i + round)
		}
		if err := q.Submit(0, Times{before, 1}, Times{body, 2}, Times{after, 1}); err != nil {
			t.Fatal(err)
		}
		for i := range 63 {
			if want := 4*in[i+1] + 9; out[i] != want {
				t.Fatalf("round %d: element %d is %g, want %g", round, i, out[i], want)
			}
		}
	}
}

// TestErrors: what fails tells how.
func TestErrors(t *testing.T) {
	c := context(t)
	if err := c.Load(Program{Source: "this is no program"}); !errors.Is(err, errBuild) {
		t.Errorf("a program that does not compile gives %v", err)
	}
	if _, err := c.Alloc(1 << 50); !errors.Is(err, ErrMemory) {
		t.Errorf("2^50 bytes give %v", err)
	}
	if err := c.Load(Program{Source: doubling}); err != nil {
		t.Fatal(err)
	}
	q := queue(t, c)
	if _, err := q.Record([]Op{{Kernel: "nothing", Local: 1}}); !errors.Is(err, errBuild) {
		t.Errorf("a kernel that is not there gives %v", err)
	}
	if _, err := (Device{API: CUDA, Index: 7}).Open(); !errors.Is(err, ErrUnavailable) {
		t.Errorf("a device that nobody listed gives %v", err)
	}
}

// TestSlowDevice: a device that does not answer is given up.
func TestSlowDevice(t *testing.T) {
	c := context(t)
	if err := c.Load(Program{Source: `__kernel void slow(__global float *y, int n) {
	float s = 0;
	for (int k = 0; k < n; k++) for (int i = 0; i < 1000000; i++) s = s * 0.5f + y[i & 15];
	y[16] = s;
}`}); err != nil {
		t.Fatal(err)
	}
	m := alloc(t, c, 4*32)
	q := queue(t, c)
	r, err := q.Record([]Op{{Kernel: "slow", Local: 1, Mem: []Memory{m}, Ints: []int32{300}}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	if err := q.Submit(1, Times{r, 1}); !errors.Is(err, ErrLost) {
		t.Errorf("a device that does not answer gives %v", err)
	}
	if err := q.Submit(0, Times{r, 1}); err != nil {
		t.Errorf("waiting without a limit: %v", err)
	}
}
