package events

import (
	"fmt"
	"testing"
)

func TestHub(t *testing.T) {
	h := New()
	start := h.LastID()
	for i := range keptEvents + 5 {
		h.Send("result", map[string]int{"i": i})
	}
	if _, missed, _, complete := h.Subscribe("a", start); complete || len(missed) != 0 {
		t.Error("what is gone seems to be there")
	}
	_, missed, now, complete := h.Subscribe("a", h.name(h.last-3))
	if !complete || len(missed) != 3 || missed[2].ID != now || string(missed[2].Data) != fmt.Sprintf(`{"i":%d}`, keptEvents+4) {
		t.Errorf("%v %+v", complete, missed)
	}
	slow, _, _, _ := h.Subscribe("b", "")
	for range streamBuffer + 1 {
		h.Send("x", 1)
	}
	n := 0
	for range slow.Events() {
		n++
	}
	if n != streamBuffer {
		t.Errorf("%d events before it was cut off", n)
	}
	h.Unsubscribe(slow) // twice does no harm
	for range maxUserStream {
		if sub, _, _, _ := h.Subscribe("c", ""); sub == nil {
			t.Fatal("refused too early")
		}
	}
	if sub, _, _, _ := h.Subscribe("c", ""); sub != nil {
		t.Error("too many streams of one user")
	}
}
