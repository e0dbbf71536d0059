package main

import (
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/nodulescope/nodulescope/plugin"
)

// TestStreamSettings: what is given reaches the streams, what is not leaves them as they
// are, and a stream that one message could empty is refused.
func TestStreamSettings(t *testing.T) {
	parse := func(args ...string) (cfg plugin.Config, err error) {
		var o streamFlags
		f := pflag.NewFlagSet("", pflag.ContinueOnError)
		o.register(f)
		if err := f.Parse(args); err != nil {
			t.Fatal(err)
		}
		return cfg, o.apply(&cfg)
	}
	cfg, err := parse()
	if s := cfg.Bus.Streams; err != nil || s.JobsBytes+s.ResultsBytes+s.ReviewsBytes+s.DeadBytes != 0 || s.Replicas != 0 || cfg.Queue.AckWait != 30*time.Second {
		t.Errorf("%+v, %v", s, err)
	}
	cfg, err = parse("--stream-replicas", "3", "--jobs-mib", "16", "--results-mib", "17", "--reviews-mib", "18", "--dead-mib", "19", "--ack-wait", "1m")
	if s := cfg.Bus.Streams; err != nil || s.JobsBytes != 16<<20 || s.ResultsBytes != 17<<20 || s.ReviewsBytes != 18<<20 || s.DeadBytes != 19<<20 || s.Replicas != 3 || cfg.Queue.AckWait != time.Minute {
		t.Errorf("%+v, %v", s, err)
	}
	for _, args := range [][]string{{"--results-mib", "15"}, {"--dead-mib", "1"}, {"--ack-wait", "2s"}, {"--ack-wait", "11m"}, {"--ack-wait", "0"}} {
		if _, err := parse(args...); err == nil {
			t.Errorf("%v is taken", args)
		}
	}
	command(t, exitUsage, "serve", "--check-config", "--data-dir", t.TempDir(), "--outline", "off", "--detectors", "vae-ad", "--stream-replicas", "3") // on one server
}
