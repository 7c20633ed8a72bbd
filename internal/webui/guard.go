package webui

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// Guard wraps a handler of data that a browser should hand to this page alone. It refuses two things:
//
//   - Requests of pages of other origins, which browsers mark (Sec-Fetch-Site). Those could not read the answers, but they could use up
//     the streams. Following a link to the page is none; loading it into a frame is one, however many there are and whether they show it or not.
//   - Where open is set, which means that no password is asked for: requests to a loopback address with the name of another host. By a name
//     that leads first to a server of theirs and then to 127.0.0.1 a foreign page would be of the same origin, and could read the answers
//     (DNS rebinding).
func Guard(next http.Handler, open bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		site, dest := r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Sec-Fetch-Dest")
		link := r.Header.Get("Sec-Fetch-Mode") == "navigate" && (dest == "document" || dest == "")
		if (site == "cross-site" || site == "same-site") && !link {
			http.Error(w, "nsviz answers no other site's pages.", http.StatusForbidden)
			return
		}
		if open && onLoopback(r) && !isOwnName(r.Host) {
			http.Error(w, "This nsviz listens on the loopback address, and answers there to localhost and to addresses only, so that no web page "+
				"can read it by a name of its own. A proxy in front of it should send Host: localhost; or give nsviz a password, by --web.config.file.",
				http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// onLoopback reports whether a request came in on a loopback address.
func onLoopback(r *http.Request) bool {
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if local == nil {
		return false
	}
	at, err := netip.ParseAddrPort(local.String())
	return err == nil && at.Addr().Unmap().IsLoopback()
}

// isOwnName reports whether a Host header has an address, or a name that leads to this host for everybody (RFC 6761).
func isOwnName(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.ToLower(strings.TrimSuffix(strings.Trim(name, "[]"), "."))
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	_, err := netip.ParseAddr(name)
	return err == nil
}
