package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/nodulescope/nodulescope/detector/stats"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
)

// runAsProgram makes this test binary the program itself.
const runAsProgram = "TEST_RUN_AS_NODULESCOPE"

func TestMain(m *testing.M) {
	if os.Getenv(runAsProgram) != "" {
		main()
		return
	}
	state, err := os.MkdirTemp("", "nodulescope-state") // or tests would tell this user where their buses are
	if err == nil {
		err = os.Setenv("XDG_STATE_HOME", state)
	}
	if err != nil {
		panic(err)
	}
	testscript.Main(m, map[string]func(){"nodulescope": main})
}

// TestScripts runs the command lines in testdata/script. Beside the commands
// of testscript they have
//
//	status CODE PROGRAM ARGS...     fails where the exit code is another
//	model FILE [calibrated|gan]     writes a detector that has learned nothing
//	network FILE                    writes a network that outlines what is denser than -300 HU
//	ct DIR UID [MODALITY]           writes 24 slices of 64² at 2 x 1 x 1 mm around the origin
//	cut FILE TO BYTES               writes the first bytes of a file
//	nodules FILE COUNT              writes candidates
//	candidate FOLDER                writes what a training leaves, of a detector that has learned nothing
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("XDG_STATE_HOME", e.Getenv("WORK")+"/state")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status": expectStatus, "model": writeModel, "network": writeNetwork, "ct": writeCT, "cut": cutFile, "nodules": writeNodules, "candidate": writeCandidate,
		},
	})
}

func expectStatus(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status CODE PROGRAM ARGS...")
	}
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%s did not run: %v", args[1], err)
		}
		got = exit.ExitCode()
	}
	if want := args[0]; fmt.Sprint(got) != want {
		ts.Fatalf("exit code %d, want %s", got, want)
	}
}

func writeModel(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) == 2 && args[1] == "gan" {
		ts.Check(saveGAN(ts.MkAbs(args[0])))
		return
	}
	var logistic *stats.Logistic
	if len(args) == 2 && args[1] == "calibrated" {
		logistic = &stats.Logistic{Intercept: -3, Slope: 30}
	}
	ts.Check(saveModel(ts.MkAbs(args[0]), 1, logistic))
}

func writeNetwork(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(plugintest.Network().Save(ts.MkAbs(args[0])))
}

func writeCT(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(dicomtest.WriteSeries(ts.MkAbs(args[0]), testSpec(args[1], strings.Join(args[2:], ""))))
}

// testSpec is a series of noise-free soft tissue in air, 48 x 64 x 64 mm around
// the origin.
func testSpec(uid, modality string) dicomtest.Spec {
	class := "" // of CT
	if modality == "MR" {
		class = "1.2.840.10008.5.1.4.1.1.4"
	}
	return dicomtest.Spec{
		SeriesUID: uid, Modality: modality, SOPClass: class, Slices: 24, Rows: 64, Cols: 64, Spacing: [3]float64{2, 1, 1}, Origin: [3]float64{-32, -32, -24},
		Stored: func(z, y, x int) int {
			if dz, dy, dx := 2*(z-12), y-32, x-32; dz*dz+dy*dy+dx*dx < 36 {
				return 30
			}
			return -850 + (x+y+z)%7
		},
	}
}

func cutFile(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[2])
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(ts.ReadFile(args[0]))[:n], 0o644))
}

func writeNodules(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(manyNodules(n)), 0o644))
}

func manyNodules(n int) string {
	var b strings.Builder
	b.WriteString(`{"nodules": [`)
	for i := range n {
		if i > 0 {
			b.WriteString(",")
		}
		fmt.Fprintf(&b, `{"id": "n%d", "position_lps_mm": [%g, 0, 0], "diameter_mm": 8}`, i+1, float64(i)/1000)
	}
	b.WriteString("]}")
	return b.String()
}
