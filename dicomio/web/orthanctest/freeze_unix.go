//go:build unix

package orthanctest

import (
	"syscall"
	"time"
)

// Freeze stops the server for a while: its sockets stay open.
func (s *Server) Freeze(d time.Duration) {
	s.t.Helper()
	for _, signal := range []syscall.Signal{syscall.SIGSTOP, syscall.SIGCONT} {
		if err := s.process.Process.Signal(signal); err != nil {
			s.t.Error(err)
		}
		if signal == syscall.SIGSTOP {
			time.Sleep(d)
		}
	}
}
