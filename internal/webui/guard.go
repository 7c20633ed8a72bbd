package webui

import (
	"net"
	"net/http"
)

// Guard wraps a handler of data that a browser should hand to this page alone. It refuses two things:
//
//   - Requests of pages of other origins, which browsers mark (Sec-Fetch-Site). Those could not read the answers, but they could use up
//     the streams. Following a link to the page is none; loading it into a frame is one, however many there are and whether they show it or not.
//   - Requests under a name that hosts does not have. By a name that leads first to a server of theirs and then to this one a foreign page
//     would be of the same origin, and could read the answers (DNS rebinding). A nil hosts accepts any name: that is for servers which ask for
//     a password, which a browser has stored for another name, or whose certificate is not valid for the name.
func Guard(next http.Handler, hosts *Hosts) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		site, dest := r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Sec-Fetch-Dest")
		link := r.Header.Get("Sec-Fetch-Mode") == "navigate" && (dest == "document" || dest == "")
		if (site == "cross-site" || site == "same-site") && !link {
			http.Error(w, "nsviz answers no other site's pages.", http.StatusForbidden)
			return
		}
		if hosts != nil && !bySocketFile(r) && !hosts.Accept(r.Host) {
			http.Error(w, "This nsviz asks for no password, and so it answers only under its address, localhost, its own host name and the names of --web.host, "+
				"so that no web page can read it by a name of its own. Use the address, start nsviz with --web.host and this name, or give it a password "+
				"by --web.config.file.", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// bySocketFile reports whether a request came through a socket in the file system, to which no name leads.
func bySocketFile(r *http.Request) bool {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return ok && local.Network() == "unix"
}
