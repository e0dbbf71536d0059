package bus_test

import (
	"context"
	"fmt"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/internal/exampletest"
)

// A detector submits a job, a worker answers it, a viewer reads the result:
// all over the server inside this process.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	dir, remove := exampletest.Dir()
	defer remove()
	server, err := bus.Start(ctx, bus.ServerOptions{StoreDir: dir, DontListen: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Shutdown(ctx)
	b, err := bus.Connect(ctx, bus.Options{Server: server})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer b.Close()
	if err := b.EnsureStreams(ctx); err != nil {
		fmt.Println(err)
		return
	}

	// The detector.
	ack, err := b.SubmitJob(ctx, "st-mary", "/detector/ct-3", "job-1", bus.Job{
		SeriesUID: "1.2.3", URI: "file:///images/1.2.3",
		Nodules: []bus.JobNodule{{ID: "n1", PositionLPS: [3]float64{-61.5, 12, -204}, DiameterMM: 7}},
	})
	fmt.Println("submitted", ack.Sequence, err)

	// The worker.
	queue, err := b.Jobs(ctx, "st-mary", bus.ConsumerOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	delivery, err := queue.Next(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	stop := delivery.KeepAlive(ctx)
	defer stop()
	env, job, err := bus.DecodeJob(delivery.Data)
	if err != nil {
		_ = delivery.Dead(ctx, bus.CodeOf(err), err.Error())
		return
	}
	result := bus.Result{Identity: "sha256:4f2a", JobID: env.ID, JobSource: env.Source, SeriesUID: job.SeriesUID}
	if _, err := b.PublishResult(ctx, "st-mary", "/nodulescope", result,
		bus.WithTraceParent(bus.ChildTraceParent(env.TraceParent))); err != nil {
		_ = delivery.Retry(ctx, time.Minute)
		return
	}
	fmt.Println("done", delivery.Done(ctx))

	// The viewer.
	err = b.FollowResults(ctx, "st-mary", bus.FollowOptions{FromStart: true}, func(_ bus.Envelope, r bus.Result) error {
		fmt.Println("result of", r.JobID)
		return bus.ErrStop
	})
	fmt.Println(err)
	// Output:
	// submitted 1 <nil>
	// done <nil>
	// result of job-1
	// <nil>
}
