package main

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/nodulescope/nodulescope/plugin"
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
	n.say("STATUS=" + stateLine(plugin.Readiness{Ready: true})) // what was said last is of the start
	period := n.period()
	if period <= 0 {
		return func() {}
	}
	return repeated(period, func(ctx context.Context) {
		if err := alive(ctx); err == nil {
			n.say(daemon.SdNotifyWatchdog)
		} else if ctx.Err() == nil {
			n.log.Error("the service hangs; it is for the service manager to start it again", "error", err)
		}
	})
}

// describe says what the state of the service is, from its start on, until end is
// called. It runs by itself: a disk that hangs holds up who looks at it.
func (n notifier) describe(state func(context.Context) string) (end func()) {
	period := n.period()
	if period <= 0 {
		return func() {}
	}
	return repeated(period, func(ctx context.Context) { n.say("STATUS=" + state(ctx)) })
}

// period is half of the time of the manager's watchdog, 0 where there is none.
func (n notifier) period() time.Duration {
	limit, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		n.log.Warn("the watchdog of the service manager is not used", "error", err)
		return 0
	}
	return limit / 2
}

// repeated calls do at once, and again after each period, until end is called, which
// does not wait: a manager that does not listen must not hold up the end.
func repeated(period time.Duration, do func(context.Context)) (end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		tick := time.NewTicker(period)
		defer tick.Stop()
		for {
			do(ctx)
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}()
	return cancel
}

// stateLine is what the service manager shows of a service.
func stateLine(r plugin.Readiness) string {
	if r.Ready {
		return "takes jobs"
	}
	var reasons []string
	for _, name := range slices.Sorted(maps.Keys(r.Checks)) {
		if text := r.Checks[name]; text != "ok" {
			reasons = append(reasons, name+": "+strings.Join(strings.Fields(text), " "))
		}
	}
	return "takes no jobs; " + strings.Join(reasons, "; ")
}
