package signin

import (
	"net/http"
	"net/netip"
	"strings"
)

// Address is where a request comes from. Behind a proxy that is named as one, it
// is the last address in X-Forwarded-For that is not such a proxy's own: what
// stands before it anybody can write. From elsewhere the header says nothing.
func Address(r *http.Request, proxies []netip.Prefix) string {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil { // no network connection
		return r.RemoteAddr
	}
	at := peer.Addr().Unmap().WithZone("")
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && isProxy(at, proxies); i-- {
		before, err := parseHop(strings.TrimSpace(hops[i]))
		if err != nil { // the proxy that wrote it is all that is known
			break
		}
		at = before.Unmap().WithZone("")
	}
	return at.String()
}

// parseHop reads an entry of X-Forwarded-For: an address, which some proxies write
// with brackets or a port.
func parseHop(hop string) (netip.Addr, error) {
	if at, err := netip.ParseAddrPort(hop); err == nil {
		return at.Addr(), nil
	}
	if inner, is := strings.CutPrefix(hop, "["); is {
		hop = strings.TrimSuffix(inner, "]")
	}
	return netip.ParseAddr(hop)
}

func isProxy(at netip.Addr, proxies []netip.Prefix) bool {
	for _, p := range proxies {
		if p.Contains(at) {
			return true
		}
	}
	return false
}

// origin is what the throttle takes for one place: who has one address of IPv6 has
// all of its network.
func origin(address string) string {
	at, err := netip.ParseAddr(address)
	if err != nil || at.Is4() {
		return address
	}
	network, err := at.Prefix(64)
	if err != nil {
		return address
	}
	return network.String()
}
