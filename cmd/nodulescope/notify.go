package main

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// notifier tells the service manager how the service is, where there is one that
// listens (sd_notify): elsewhere it does nothing.
type notifier struct {
	log *slog.Logger
}

func newNotifier(log *slog.Logger) notifier { return notifier{log} }

func (n notifier) say(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		n.log.Warn("the service manager does not hear", "error", err)
	}
}

func (n notifier) stopping() { n.say(daemon.SdNotifyStopping) }

// ready says that jobs are taken and, where the manager has a watchdog, every
// half of its time that the service is alive, as long as that is so, until end is
// called.
func (n notifier) ready(alive func(context.Context) error) (end func()) {
	n.say(daemon.SdNotifyReady)
	limit, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		n.log.Warn("the watchdog of the service manager is not used", "error", err)
	}
	if err != nil || limit <= 0 {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	group.Go(func() {
		tick := time.NewTicker(limit / 2)
		defer tick.Stop()
		for {
			if err := alive(ctx); err == nil {
				n.say(daemon.SdNotifyWatchdog)
			} else if ctx.Err() == nil {
				n.log.Error("the service hangs; it is for the service manager to start it again", "error", err)
			}
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	})
	return func() { cancel(); group.Wait() }
}
