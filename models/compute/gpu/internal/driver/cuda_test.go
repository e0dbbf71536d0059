package driver

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

const childEnv = "NODULESCOPE_TEST_CUDA"

// TestCUDACalls runs the tests of this file once more in a process that finds a
// stand-in for NVIDIA's library: every call is made with the arguments that the
// interface wants. What a card does with them, it cannot show.
func TestCUDACalls(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the stand-in is found on linux only")
	}
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("no gcc")
	}
	folder := t.TempDir()
	if out, err := exec.Command("gcc", "-shared", "-fPIC", "-O1", "-o", filepath.Join(folder, "libcuda.so.1"), "testdata/libcuda.c").CombinedOutput(); err != nil { //nolint:gosec // constants
		t.Fatalf("%v\n%s", err, out)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestStandIn", "-test.v") //nolint:gosec // this test
	cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+folder, childEnv+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if strings.Count(string(out), "--- PASS: TestStandIn") != 4 {
		t.Fatalf("not all ran:\n%s", out)
	}
}

// standIn opens the stand-in in the process that has it.
func standIn(t *testing.T) Context {
	t.Helper()
	if os.Getenv(childEnv) == "" {
		t.Skip("runs within TestCUDACalls")
	}
	devices, _ := List()
	if len(devices) == 0 || devices[0].API != CUDA {
		t.Fatalf("devices %+v", devices)
	}
	d := devices[0]
	if d.Name != "stand-in" || d.ID() != "cuda:0" || d.Capability != "9.0" || d.Driver != "CUDA 12.4" || d.Memory != 4<<30 || d.Group != 1024 || d.Local != 49152 || d.Units != 3 {
		t.Fatalf("told as %+v", d)
	}
	c, err := d.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if err := c.Load(Program{PTX: map[int]string{75: ".target sm_75", 80: ".target sm_80", 120: ".target sm_120"}}); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestStandInWork copies, launches and replays, with and without graphs.
func TestStandInWork(t *testing.T) {
	c := standIn(t)
	m, err := c.Alloc(4 * 64)
	if err != nil {
		t.Fatal(err)
	}
	other, err := c.Alloc(4 * 64)
	if err != nil {
		t.Fatal(err)
	}
	q, err := c.Queue()
	if err != nil {
		t.Fatal(err)
	}
	in, out := make([]float32, 64), make([]float32, 64)
	unpin := c.Pin(Bytes(in))
	defer unpin()
	double := Op{Kernel: "doubling", Groups: [3]int{4, 1, 1}, Local: 16, Mem: []Memory{m}, Ints: []int32{3}}
	r, err := q.Record([]Op{{To: m, Host: Bytes(in)}, double, double, {To: other, From: m, FromAt: 4, Size: 4 * 63}, {From: other, Host: Bytes(out)}, double})
	if err != nil {
		t.Fatal(err)
	}
	if parts := r.(*cuRecording).parts; len(parts) != 4 || parts[1].exec == 0 || len(parts[1].ops) != 3 || parts[0].exec != 0 {
		t.Errorf("parts %+v", parts)
	}
	for round := range 3 {
		for i := range in {
			in[i] = float32(i + round)
		}
		if err := q.Submit(0, Times{r, 2}); err != nil {
			t.Fatal(err)
		}
		for i := range 63 {
			if want := 4*in[i+1] + 9; out[i] != want {
				t.Fatalf("round %d: element %d is %g, want %g", round, i, out[i], want)
			}
		}
		if out[63] != 0 {
			t.Fatal("new memory is not cleared")
		}
	}
	if free, ok := c.Free(); !ok || free != 3<<30-2*256 {
		t.Errorf("free %d", free)
	}
	r.Release()
	q.Release()
	m.Release()
	other.Release()
}

// TestStandInErrors: codes become kinds.
func TestStandInErrors(t *testing.T) {
	c := standIn(t)
	if _, err := c.Alloc(1 << 40); !errors.Is(err, ErrMemory) {
		t.Errorf("2^40 bytes give %v", err)
	}
	if err := c.Load(Program{PTX: map[int]string{80: "something else"}}); !errors.Is(err, errBuild) || !strings.Contains(err.Error(), "stand-in: no PTX") {
		t.Errorf("a program that is none gives %v", err)
	}
	if err := c.Load(Program{PTX: map[int]string{100: ""}}); !errors.Is(err, errBuild) {
		t.Errorf("a program for other cards gives %v", err)
	}
	q, err := c.Queue()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := q.Record([]Op{{Kernel: "nothing", Local: 1}}); !errors.Is(err, errBuild) {
		t.Errorf("a kernel that is not there gives %v", err)
	}
}

// TestStandInFault: a kernel that faults loses the device; another context
// works.
func TestStandInFault(t *testing.T) {
	c := standIn(t)
	q, err := c.Queue()
	if err != nil {
		t.Fatal(err)
	}
	m, err := c.Alloc(1024)
	if err != nil {
		t.Fatal(err)
	}
	r, err := q.Record([]Op{{Kernel: "faulting", Groups: [3]int{1, 1, 1}, Local: 1}})
	if err == nil {
		err = q.Submit(0, Times{r, 1})
	}
	if !errors.Is(err, ErrLost) || !strings.Contains(err.Error(), "ILLEGAL_ADDRESS") {
		t.Errorf("a fault gives %v", err)
	}
	if _, err := c.Alloc(16); !errors.Is(err, ErrLost) {
		t.Errorf("memory of a device that is lost: %v", err)
	}
	next := standIn(t)
	if free, ok := next.Free(); !ok || free != 3<<30-1024 {
		t.Errorf("beside a context that failed %d bytes are free", free)
	}
	q.Finish() // answers at once
	q.Release()
	m.Release() // is refused: its memory goes with the context
	c.Close()
	if free, ok := next.Free(); !ok || free != 3<<30 {
		t.Errorf("after a context that failed %d bytes are free", free)
	}
	if _, err := next.Alloc(16); err != nil {
		t.Errorf("a new context: %v", err)
	}
}

// TestStandInOverlap: while a stream is busy, another one gets its copies.
func TestStandInOverlap(t *testing.T) {
	c := standIn(t)
	record := func(kernel string) (Queue, Recording, []float32) {
		m, err := c.Alloc(64)
		if err != nil {
			t.Fatal(err)
		}
		q, err := c.Queue()
		if err != nil {
			t.Fatal(err)
		}
		x := make([]float32, 16)
		r, err := q.Record([]Op{{To: m, Host: Bytes(x)}, {Kernel: kernel, Groups: [3]int{1, 1, 1}, Local: 16, Mem: []Memory{m}, Ints: []int32{3}}, {From: m, Host: Bytes(x)}})
		if err != nil {
			t.Fatal(err)
		}
		return q, r, x
	}
	first, waits, _ := record("waiting")
	second, doubles, x := record("doubling")
	ended := make(chan error)
	go func() { ended <- first.Submit(time.Minute, Times{waits, 1}) }()
	for { // the first one may begin late
		if err := second.Submit(0, Times{doubles, 1}); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-ended:
			if err != nil || x[0] < 3 {
				t.Errorf("%v, %g", err, x[0])
			}
			return
		default:
		}
	}
}
