package main

import (
	"bufio"
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

var underSystemd = flag.Bool("systemd", false, "install the unit under a systemd of its own, in a container over this machine's files (needs root and systemd-container)")

// The commands at the head of the unit install a service that starts, is started
// again where it dies or hangs, tells its state, sees images read-only and stops.
func TestUnitUnderSystemd(t *testing.T) {
	if !*underSystemd {
		t.Skip("make test-systemd runs this")
	}
	c := bootContainer(t)
	binary := filepath.Join(c.root, "root", "nodulescope")
	c.host("go", "build", "-buildvcs=false", "-o", binary, ".")
	unit, err := os.ReadFile("../../docs/nodulescope.service")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(c.root, "root", "nodulescope.service"), unit, 0o644); err != nil { //nolint:gosec // as it is shipped
		t.Fatal(err)
	}
	for _, command := range installCommands(string(unit)) {
		c.run("sh", "-c", "cd /root && "+command)
	}
	c.wants("NRestarts=0", "StatusText=takes jobs")

	c.run("systemctl", "kill", "-s", "KILL", "nodulescope")
	c.wants("NRestarts=1", "StatusText=takes jobs")

	c.run("sh", "-c", "mkdir -p /run/systemd/system/nodulescope.service.d && printf '[Service]\\nWatchdogSec=4\\n' > /run/systemd/system/nodulescope.service.d/soon.conf")
	c.run("systemctl", "daemon-reload")
	c.run("systemctl", "restart", "nodulescope")
	c.wants("NRestarts=0", "StatusText=takes jobs")
	c.run("systemctl", "kill", "-s", "STOP", "nodulescope")
	c.wants("NRestarts=1", "StatusText=takes jobs")

	pid := strings.TrimSpace(c.run("systemctl", "show", "nodulescope", "-p", "MainPID", "--value"))
	for _, place := range []string{"/usr/local/bin", "/etc", "/root", "/srv"} {
		if out := c.run("sh", "-c", "nsenter -t "+pid+" -m sh -c 'touch "+place+"/x 2>&1 || true'"); !strings.Contains(out, "Read-only") {
			t.Errorf("the service can write to %s: %q", place, out)
		}
	}
	if caps := c.run("grep", "-E", "CapEff|NoNewPrivs", "/proc/"+pid+"/status"); strings.Join(strings.Fields(caps), " ") != "CapEff: 0000000000000000 NoNewPrivs: 1" {
		t.Errorf("the service has %s", caps)
	}

	c.run("systemctl", "stop", "nodulescope")
	if got := c.run("systemctl", "show", "nodulescope", "-p", "Result", "-p", "ActiveState", "--value"); got != "success\ninactive\n" {
		t.Errorf("after the stop: %q", got)
	}
}

// installCommands are those in the comment of a unit.
func installCommands(unit string) (commands []string) {
	lines := bufio.NewScanner(strings.NewReader(unit))
	for lines.Scan() {
		if command, found := strings.CutPrefix(lines.Text(), "#   "); found {
			commands = append(commands, command)
		}
	}
	return commands
}

// container is a systemd over the files of this machine, none of which it changes.
type container struct {
	t    *testing.T
	root string
	init string // process id of its systemd
}

func bootContainer(t *testing.T) *container {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("only root can boot a container")
	}
	top := t.TempDir()
	c := &container{t: t, root: filepath.Join(top, "root")}
	c.host("mount", "-t", "tmpfs", "tmpfs", top)
	t.Cleanup(func() { c.host("umount", "-l", top) })
	for _, dir := range []string{"root", "upper", "work"} {
		if err := os.Mkdir(filepath.Join(top, dir), 0o755); err != nil { //nolint:gosec // of a root file system
			t.Fatal(err)
		}
	}
	c.host("mount", "-t", "overlay", "overlay", "-o", "lowerdir=/,upperdir="+top+"/upper,workdir="+top+"/work", c.root)
	t.Cleanup(func() { c.host("umount", "-l", c.root) })
	// Nothing else that is installed here is to run.
	if err := os.WriteFile(filepath.Join(c.root, "etc/systemd/system/default.target"), []byte("[Unit]\nRequires=basic.target\nWants=dbus.socket\n"), 0o644); err != nil { //nolint:gosec // systemd's
		t.Fatal(err)
	}
	boot := exec.Command("systemd-nspawn", "-D", c.root, "--boot", "--private-network", "--register=no", "--keep-unit") //nolint:noctx // ended below
	var log strings.Builder
	boot.Stdout, boot.Stderr = &log, &log
	if err := boot.Start(); err != nil {
		t.Fatalf("%v: install systemd-container", err)
	}
	t.Cleanup(func() {
		_ = exec.Command("nsenter", "-t", c.init, "-m", "-p", "systemctl", "poweroff").Run() //nolint:gosec,noctx // of this test
		ended := time.AfterFunc(30*time.Second, func() { _ = boot.Process.Kill() })
		defer ended.Stop()
		_ = boot.Wait() // it was told to end
		if t.Failed() {
			t.Log(log.String())
		}
	})
	for range 300 {
		out, err := exec.Command("pgrep", "-P", strconv.Itoa(boot.Process.Pid)).Output() //nolint:gosec,noctx // of this test
		if c.init = strings.TrimSpace(string(out)); err == nil && c.tries("systemctl", "is-active", "default.target") {
			return c
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("no systemd:\n%s", log.String())
	return nil
}

// host runs a command outside of the container.
func (c *container) host(args ...string) {
	c.t.Helper()
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil { //nolint:gosec,noctx // of this test
		c.t.Fatalf("%v: %v\n%s", args, err, out)
	}
}

func (c *container) command(ctx context.Context, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "nsenter", append([]string{"-t", c.init, "-m", "-u", "-i", "-n", "-p"}, args...)...) //nolint:gosec // of this test
}

func (c *container) tries(args ...string) bool { return c.command(c.t.Context(), args...).Run() == nil }

func (c *container) run(args ...string) string {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 2*time.Minute)
	defer cancel()
	out, err := c.command(ctx, args...).CombinedOutput()
	if err != nil {
		c.t.Fatalf("%v: %v\n%s%s", args, err, out, c.journal())
	}
	return string(out)
}

func (c *container) journal() []byte {
	out, _ := c.command(c.t.Context(), "journalctl", "-u", "nodulescope", "--no-pager", "-n", "40", "-o", "cat").Output() // what there is
	return out
}

// wants waits until the service is active and systemd shows this of it.
func (c *container) wants(properties ...string) {
	c.t.Helper()
	want := append(properties, "ActiveState=active")
	var got []string
	for range 300 {
		got = strings.Split(c.run("systemctl", "show", "nodulescope", "-p", "ActiveState", "-p", "NRestarts", "-p", "StatusText"), "\n")
		if !slices.ContainsFunc(want, func(property string) bool { return !slices.Contains(got, property) }) {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	c.t.Fatalf("%q, want %q\n%s", got, want, c.journal())
}
