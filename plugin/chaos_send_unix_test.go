//go:build unix

package plugin

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
)

// notShort leaves a test out under the race detector: most of it are other processes.
func notShort(t *testing.T) {
	if testing.Short() {
		t.Skip("-short")
	}
}

// send spreads jobs over chaosTime, by their numbers from one to before another.
func (c *chaos) send(b *bus.Bus, url string, from, to int) {
	begin, pace := time.Now(), *chaosTime/time.Duration(*chaosJobs)
	for i := from; i < to; i++ {
		time.Sleep(time.Until(begin.Add(time.Duration(i-from) * pace)))
		id := fmt.Sprint("job", i)
		if c.jobs.IntN(100) == 0 {
			c.poison.Add(1)
			untilTaken(c.t, func(ctx context.Context) error { return sendPoison(ctx, url, id) })
			continue
		}
		place, priority := c.jobs.IntN(len(c.want)), bus.PriorityRoutine
		if c.jobs.IntN(10) == 0 {
			priority = bus.PriorityStat
		}
		c.ask(b, id, c.scans[i%len(c.scans)], place, priority)
	}
}

// ask sends one job.
func (c *chaos) ask(b *bus.Bus, id, dir string, place int, priority string) {
	c.good.Add(1)
	c.asked.Store(id, place)
	job := chaosJob(dir, place)
	job.Nodules[0].ID, job.Priority = id, priority
	untilTaken(c.t, func(ctx context.Context) error {
		_, err := b.SubmitJob(ctx, "local", "/chaos", id, job)
		return err
	})
}

// untilTaken sends again until the broker has said that it has it.
func untilTaken(t *testing.T, send func(context.Context) error) {
	for begin := time.Now(); time.Since(begin) < 3*time.Minute; time.Sleep(50 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
		err := send(ctx)
		cancel()
		if err == nil {
			return
		}
	}
	t.Error("the broker takes no job")
}

func sendPoison(ctx context.Context, url, id string) error {
	nc, err := nats.Connect(url, nats.Timeout(time.Second))
	if err != nil {
		return err
	}
	defer nc.Close()
	msg := nats.NewMsg("nodule.v1.job.local.routine")
	msg.Header.Set(nats.MsgIdHdr, id)
	msg.Data = []byte("this is no job")
	answer, err := nc.RequestMsgWithContext(ctx, msg)
	if err == nil && !strings.Contains(string(answer.Data), `"seq"`) {
		err = fmt.Errorf("not stored: %s", answer.Data)
	}
	return err
}

func chaosBus(t *testing.T, opts bus.Options) *bus.Bus {
	t.Helper()
	opts.Wait = true
	b, err := bus.Connect(plugintest.Context(t), opts)
	plugintest.Must(t, err)
	t.Cleanup(b.Close)
	plugintest.WaitFor(t, func() bool { return b.EnsureStreams(plugintest.Context(t)) == nil })
	return b
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed at once
	plugintest.Must(t, err)
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	plugintest.Must(t, err)
	return port
}
