package bus

import (
	"fmt"
	"log/slog"
	"strings"
)

// orDiscard returns a logger that can be called.
func orDiscard(l *slog.Logger) *slog.Logger {
	if l == nil {
		return slog.New(slog.DiscardHandler)
	}
	return l
}

// serverLog gives the embedded server's log to slog. Its trace level, which
// would show payloads, is never switched on.
type serverLog struct {
	log   *slog.Logger
	fatal chan string // the first line that the server could not start after

	opening *opening
}

func newServerLog(l *slog.Logger) *serverLog {
	return &serverLog{log: l.With("part", "nats-server"), fatal: make(chan string, 1), opening: newOpening()}
}

// Noticef is debug: a host program wants to hear of trouble, not of each start.
func (l *serverLog) Noticef(format string, v ...any) {
	line := fmt.Sprintf(format, v...)
	l.opening.said(line)
	l.log.Debug(line)
}

// Warnf leaves out what is always so: this process's own connection has a password that
// is made at each start and stays in memory.
func (l *serverLog) Warnf(format string, v ...any) {
	if line := fmt.Sprintf(format, v...); !strings.HasPrefix(line, "Plaintext passwords detected") {
		l.log.Warn(line)
	}
}

func (l *serverLog) Errorf(format string, v ...any) { l.log.Error(fmt.Sprintf(format, v...)) }
func (l *serverLog) Debugf(format string, v ...any) { l.log.Debug(fmt.Sprintf(format, v...)) }
func (l *serverLog) Tracef(string, ...any)          {}

// Fatalf keeps the line for Start, which returns it; the process lives on.
func (l *serverLog) Fatalf(format string, v ...any) {
	text := fmt.Sprintf(format, v...)
	select {
	case l.fatal <- text:
	default:
	}
	l.log.Error(text)
}
