package signin

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestThrottle(t *testing.T) {
	var th throttle
	now := time.Unix(0, 0)
	for i := range freeAttempts {
		if w := th.wait(now, "ann", "10.0.0.1"); w != 0 {
			t.Fatalf("attempt %d waits %s", i+1, w)
		}
	}
	last := time.Duration(0)
	for range 4 { // each wait is longer
		w := th.wait(now, "ANN", "10.0.0.1")
		if w <= last {
			t.Fatalf("%s after %s", w, last)
		}
		if own := th.wait(now, "ann", fmt.Sprint("10.0.1.", last.Seconds())); own != 0 {
			t.Fatalf("from her own address ann waits %s: others can lock her name", own)
		}
		last, now = w, now.Add(w)
		if again := th.wait(now, "ann", "10.0.0.1"); again != 0 {
			t.Fatalf("%s when the wait is over", again)
		}
	}
	th.succeed("ann", "10.0.0.1")
	if w := th.wait(now, "ann", "10.0.0.1"); w != 0 {
		t.Error(w)
	}
	for i := range addressFactor * freeAttempts { // many names from one address
		th.wait(now, strings.Repeat("x", i+1), "10.9.9.9")
	}
	if w := th.wait(now, "somebody", "10.9.9.9"); w == 0 {
		t.Error("an address is never held back")
	}
	for i := range 2 * freeAttempts { // one network of IPv6
		th.wait(now, "bob", fmt.Sprintf("2001:db8::%x", i+1))
	}
	if w := th.wait(now, "bob", "2001:db8::ffff"); w == 0 {
		t.Error("who changes his address of IPv6 is never held back")
	}
	if w := th.wait(now.Add(2*forgetAfter), "somebody", "10.9.9.9"); w != 0 {
		t.Error(w)
	}
	for i := range maxThrottled + 10 {
		th.wait(now, fmt.Sprint("n", i), fmt.Sprint("a", i))
	}
	if len(th.bad) > maxThrottled+2 {
		t.Errorf("%d entries are kept", len(th.bad))
	}
}

// Who tries as often as the throttle lets him raises the alarm of docs/prometheus.
func TestGuessingRaisesTheAlarm(t *testing.T) {
	rules, err := os.ReadFile("../../../../docs/prometheus/alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`sign_in_failures_total\[15m\]\) > (\d+)`).FindSubmatch(rules)
	if found == nil {
		t.Fatal("there is no alarm")
	}
	limit, err := strconv.Atoi(string(found[1]))
	if err != nil {
		t.Fatal(err)
	}
	var th throttle
	tried := 0
	for now := time.Unix(0, 0); now.Before(time.Unix(0, 0).Add(15 * time.Minute)); now = now.Add(time.Second) {
		if th.wait(now, "ann", "10.0.0.1") == 0 {
			tried++
		}
	}
	if tried <= limit {
		t.Errorf("%d attempts in 15 min, and the alarm wants more than %d", tried, limit)
	}
}
