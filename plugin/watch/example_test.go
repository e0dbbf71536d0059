package watch_test

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/internal/exampletest"
	"github.com/nodulescope/nodulescope/nodule/phantom"
	"github.com/nodulescope/nodulescope/plugin/watch"
)

// A folder is watched: a series and its candidates come, and one job is put on
// the bus.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	dir, remove := exampletest.Dir()
	defer remove()
	server, err := bus.Start(ctx, bus.ServerOptions{StoreDir: filepath.Join(dir, "bus"), DontListen: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = server.Shutdown(ctx) }()
	b, err := bus.Connect(ctx, bus.Options{Server: server})
	if err == nil {
		err = b.EnsureStreams(ctx)
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	defer b.Close()

	incoming := filepath.Join(dir, "incoming")
	scan, err := phantom.Generate(phantom.Small(1))
	if err == nil { // truth.json beside the images tells where the nodules are
		err = scan.WriteDICOM(ctx, filepath.Join(incoming, "scan-1"), nil)
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	w, err := watch.New(watch.Options{
		Source: &watch.Folder{Root: incoming, Quiet: 100 * time.Millisecond}, Bus: b,
		Dir: filepath.Join(dir, "state"), Interval: 20 * time.Millisecond,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer w.Close()
	watching, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- w.Run(watching) }()
	for ctx.Err() == nil {
		jobs, err := b.WaitingJobs(ctx, "local", 10)
		if err != nil || len(jobs) > 0 {
			for _, job := range jobs {
				fmt.Println(len(job.Job.Nodules), "nodules,", job.Priority)
			}
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	stop()
	if err := <-ended; err != nil {
		fmt.Println(err)
	}
	// Output: 3 nodules, routine
}
