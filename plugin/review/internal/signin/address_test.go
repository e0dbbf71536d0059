package signin

import (
	"net/http/httptest"
	"net/netip"
	"testing"
)

// The header counts behind a named proxy alone, and of what it says only what
// that proxy, or one before it, has seen.
func TestAddress(t *testing.T) {
	t.Parallel()
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.1/32"), netip.MustParsePrefix("192.168.0.0/16")}
	for _, c := range []struct {
		peer   string
		header []string
		want   string
	}{
		{"1.2.3.4:5", nil, "1.2.3.4"},
		{"1.2.3.4:5", []string{"9.9.9.9"}, "1.2.3.4"}, // anybody can write it
		{"10.0.0.1:5", nil, "10.0.0.1"},
		{"10.0.0.1:5", []string{"9.9.9.9"}, "9.9.9.9"},
		{"10.0.0.1:5", []string{"8.8.8.8, 9.9.9.9"}, "9.9.9.9"}, // the first is what the browser sent
		{"10.0.0.1:5", []string{"8.8.8.8", "9.9.9.9"}, "9.9.9.9"},
		{"10.0.0.1:5", []string{"8.8.8.8, 9.9.9.9, 192.168.3.4"}, "9.9.9.9"}, // two proxies
		{"10.0.0.1:5", []string{"nonsense"}, "10.0.0.1"},
		{"10.0.0.1:5", []string{"9.9.9.9, nonsense"}, "10.0.0.1"},
		{"10.0.0.1:5", []string{"192.168.1.1"}, "192.168.1.1"},
		{"[::ffff:10.0.0.1]:5", []string{"2001:db8::1"}, "2001:db8::1"},
		{"10.0.0.1:5", []string{"8.8.8.8, 198.51.100.7:52311"}, "198.51.100.7"},
		{"10.0.0.1:5", []string{"9.9.9.9:1, 192.168.3.4:2"}, "9.9.9.9"},
		{"10.0.0.1:5", []string{"[2001:db8::1]:443"}, "2001:db8::1"},
		{"10.0.0.1:5", []string{"[2001:db8::1]"}, "2001:db8::1"},
		{"10.0.0.1:5", []string{"9.9.9.9, [nonsense]:1"}, "10.0.0.1"},
		{"@", []string{"9.9.9.9"}, "@"},
	} {
		r := httptest.NewRequest("POST", "/", nil)
		r.RemoteAddr = c.peer
		for _, h := range c.header {
			r.Header.Add("X-Forwarded-For", h)
		}
		if got := Address(r, proxies); got != c.want {
			t.Errorf("%s %q: %s, want %s", c.peer, c.header, got, c.want)
		}
		if got := Address(r, nil); c.peer[0] != '[' && c.peer != "@" && got != c.peer[:len(got)] {
			t.Errorf("%s %q: %s without proxies", c.peer, c.header, got)
		}
	}
}
