package memo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Many who ask at once get one value, which is kept until it is forgotten or too
// old.
func TestOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := New[int](4, time.Minute)
		var made atomic.Int32
		get := func() int {
			v, err := m.Get(t.Context(), "a", func(context.Context) (int, error) {
				time.Sleep(time.Second)
				return int(made.Add(1)), nil
			})
			if err != nil {
				t.Error(err)
			}
			return v
		}
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() {
				if v := get(); v != 1 {
					t.Errorf("value %d", v)
				}
			})
		}
		group.Wait()
		m.Forget("a")
		if v := get(); v != 2 {
			t.Errorf("value %d when it was forgotten", v)
		}
		time.Sleep(30 * time.Second)
		if v := get(); v != 2 {
			t.Errorf("value %d while it is fresh", v)
		}
		time.Sleep(time.Minute)
		if v := get(); v != 3 {
			t.Errorf("value %d when it was old", v)
		}
	})
}

// Who leaves does not take the value from those who stay.
func TestMakerLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := New[string](4, 0)
		slow := func(ctx context.Context) (string, error) {
			select {
			case <-ctx.Done():
				return "", ctx.Err()
			case <-time.After(time.Second):
				return "made", nil
			}
		}
		first, leave := context.WithCancel(t.Context())
		left := make(chan error, 1)
		go func() {
			_, err := m.Get(first, "a", slow)
			left <- err
		}()
		synctest.Wait()
		stayed := make(chan string, 1)
		go func() {
			v, err := m.Get(t.Context(), "a", slow)
			stayed <- fmt.Sprint(v, err)
		}()
		synctest.Wait()
		leave()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if got := <-stayed; got != "made<nil>" {
			t.Error(got)
		}
	})
}

// Errors and panics reach who asks, and are not kept.
func TestFailures(t *testing.T) {
	m := New[int](1, 0)
	broken := errors.New("broken")
	if _, err := m.Get(t.Context(), "a", func(context.Context) (int, error) { return 0, broken }); !errors.Is(err, broken) {
		t.Error(err)
	}
	if _, err := m.Get(t.Context(), "a", func(context.Context) (int, error) { panic("a patient's name") }); !errors.Is(err, ErrPanicked) {
		t.Error(err)
	}
	for want, key := range []string{"a", "b", "a"} { // one value is kept
		if v, err := m.Get(t.Context(), key, func(context.Context) (int, error) { return want, nil }); v != want || err != nil {
			t.Error(v, err)
		}
	}
}

// Values are kept by their bytes: the one that was asked for longest ago goes first.
func TestSized(t *testing.T) {
	m := NewSized[string](10, func(v string) int { return len(v) })
	var made []string
	get := func(v string) {
		t.Helper()
		got, err := m.Get(t.Context(), v, func(context.Context) (string, error) {
			made = append(made, v)
			return v, nil
		})
		if err != nil || got != v {
			t.Errorf("%q, %v", got, err)
		}
	}
	get("aaaa")
	get("bbbb")
	get("aaaa")
	get("cc")   // all three fit
	get("dddd") // b goes
	get("aaaa")
	get("bbbb") // c and d go
	get("aaaa")
	get("an elephant") // more than there is room for: nothing is left
	get("aaaa")
	if want := []string{"aaaa", "bbbb", "cc", "dddd", "bbbb", "an elephant", "aaaa"}; !slices.Equal(made, want) {
		t.Errorf("made %q, want %q", made, want)
	}
	if held := m.held.Load(); held != 4 {
		t.Errorf("counts %d bytes", held)
	}
}
