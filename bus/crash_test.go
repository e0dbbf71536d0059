package bus

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"
)

const crashStore = "NODULESCOPE_TEST_CRASH_STORE"

// TestMain lets the test binary be the process that is killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv(crashStore); dir != "" {
		if err := submitUntilKilled(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

func submitUntilKilled(dir string) error {
	ctx := context.Background()
	s, err := Start(ctx, ServerOptions{StoreDir: dir, DontListen: true})
	if err != nil {
		return err
	}
	b, err := Connect(ctx, Options{Server: s})
	if err != nil {
		return err
	}
	if err := b.EnsureStreams(ctx); err != nil {
		return err
	}
	for i := 1; ; i++ {
		ack, err := b.SubmitJob(ctx, "site", "/d", fmt.Sprint(i), sampleJob(1))
		if err != nil {
			return err
		}
		fmt.Println(ack.Sequence)
	}
}

// TestAcknowledgedOutlivesKill kills a process with its embedded server in the
// midst of submissions: every one that was acknowledged must be there after.
func TestAcknowledgedOutlivesKill(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.CommandContext(testContext(t), os.Args[0])
	cmd.Env = append(os.Environ(), crashStore+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines, acknowledged := bufio.NewScanner(out), uint64(0)
	for lines.Scan() {
		if _, err := fmt.Sscan(lines.Text(), &acknowledged); err != nil {
			t.Fatal(err)
		}
		if acknowledged == 25 {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait() // killed
	if acknowledged < 25 {
		t.Fatalf("only %d were acknowledged", acknowledged)
	}
	b := connect(t, Options{Server: startServer(t, ServerOptions{StoreDir: dir, DontListen: true})})
	if n := jobsLeft(t, b); n < acknowledged {
		t.Errorf("%d were acknowledged, %d are there", acknowledged, n)
	}
	q := openQueue(t, b, "site")
	for i := uint64(1); i <= acknowledged; i++ {
		d := next(t, q)
		env, _, err := DecodeJob(d.Data)
		if err != nil || env.ID != fmt.Sprint(i) {
			t.Fatalf("job %d: id %q, %v", i, env.ID, err)
		}
		if err := d.Done(testContext(t)); err != nil {
			t.Fatal(err)
		}
	}
}
