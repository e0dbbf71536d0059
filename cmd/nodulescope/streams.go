package main

import (
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"github.com/nodulescope/nodulescope/plugin"
)

// leastStreamMiB is the smallest stream that a setting makes: some of the largest
// messages. A message that is larger than a stream which drops its oldest ones would
// empty it.
const leastStreamMiB = 16

// The job of a silent service goes to another one no sooner, since a live one reports every
// third of the time, and no later.
const leastAckWait, mostAckWait = 3 * time.Second, 10 * time.Minute

// streamFlags say when a job goes to another service, how large the streams of the bus are, and how many servers of a
// cluster hold them. They are settings; 0 leaves what is there.
type streamFlags struct {
	ackWait                      time.Duration
	replicas                     int
	jobs, results, reviews, dead int // MiB
}

func (o *streamFlags) register(f *pflag.FlagSet) {
	const there = "0: its default where it is made, otherwise what it has"
	f.DurationVar(&o.ackWait, "ack-wait", 30*time.Second, "`TIME` after which the job of a service that went silent goes to another one")
	f.IntVar(&o.replicas, "stream-replicas", 0, "servers of a cluster that each hold all jobs, results, decisions and dead letters, such as 3 (0: 1 where a stream is made, otherwise what it has)")
	f.IntVar(&o.jobs, "jobs-mib", 0, "`MIB` of jobs that the bus may hold; when full, more are refused to their senders ("+there+")")
	f.IntVar(&o.results, "results-mib", 0, "`MIB` of results that the bus may hold; when full, the oldest goes ("+there+")")
	f.IntVar(&o.reviews, "reviews-mib", 0, "`MIB` of decisions that the bus may hold; when full, more wait in the service ("+there+")")
	f.IntVar(&o.dead, "dead-mib", 0, "`MIB` of dead letters that the bus may hold; when full, the oldest goes ("+there+")")
	names := []string{"ack-wait", "stream-replicas", "jobs-mib", "results-mib", "reviews-mib", "dead-mib"}
	markSettings(f, names...)
	refuseNegative(f, names...)
}

// apply sets what was given.
func (o *streamFlags) apply(cfg *plugin.Config) error {
	if o.ackWait < leastAckWait || o.ackWait > mostAckWait {
		return usageError(fmt.Errorf("--ack-wait %v", o.ackWait), fmt.Sprintf("give %v to %v", leastAckWait, mostAckWait))
	}
	cfg.Queue.AckWait = o.ackWait
	s := &cfg.Bus.Streams
	s.Replicas = o.replicas
	for _, size := range []struct {
		flag  string
		mib   int
		bytes *int64
	}{
		{"jobs-mib", o.jobs, &s.JobsBytes}, {"results-mib", o.results, &s.ResultsBytes},
		{"reviews-mib", o.reviews, &s.ReviewsBytes}, {"dead-mib", o.dead, &s.DeadBytes},
	} {
		if size.mib != 0 && size.mib < leastStreamMiB {
			return usageError(fmt.Errorf("--%s %d", size.flag, size.mib), fmt.Sprintf("give %d or more: a stream holds several of the largest messages", leastStreamMiB))
		}
		*size.bytes = int64(size.mib) << 20
	}
	return nil
}
