package runtime

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The names of runtimes, as events, metrics and JSON have them.
const (
	Docker     = "docker"
	Podman     = "podman"
	Containerd = "containerd"
	CRIO       = "cri-o"
	LXC        = "lxc"
	Nspawn     = "nspawn"
	Runc       = "runc"
	Crun       = "crun"
	BuildKit   = "buildkit"
	Bubblewrap = "bubblewrap"
	Flatpak    = "flatpak"
	Systemd    = "systemd"
	// Demo makes the containers of nsviz's own demos by hand, without an engine.
	Demo = "nsviz-demo"
	// Unknown is an engine that the path of a cgroup does not show.
	Unknown = ""
)

// DemoPrefix begins the name of everything that nsviz's own demos make.
const DemoPrefix = "nsviz-demo-"

// A Runtime is a row of the table. What is empty the runtime does not have, or nsviz does not know.
type Runtime struct {
	Name string
	// Cgroups are the cgroups that it makes, one for each container.
	Cgroups []Cgroup
	// Pods are the cgroups that it makes around those of the containers of a pod.
	Pods []Cgroup
	// GlobalIDs is set if its ids are unique on a host, whoever makes the containers. Otherwise an id is a name of the user's choice.
	GlobalIDs bool
	// Processes are its own processes.
	Processes Processes
	// ReadCommandLine reads the command line of its process that isolates something, without the program's own name.
	ReadCommandLine func(args []string) CommandLine
	// Commands are what a user types for each verb, without the container: "docker stop".
	Commands map[Verb]string
	// RunFlags is set where a container is started with the flags of `docker run`.
	RunFlags bool
	// Capabilities are those that it gives a container by default.
	Capabilities []string
	Files        Files
}

// A Cgroup recognises a cgroup by the end of its path.
type Cgroup struct {
	// Path matches the last Depth components of the cgroup's path, from end to end. Its first group is the id of what the cgroup was
	// made for.
	Path  *regexp.Regexp
	Depth int
	// Top is set if these components are the complete path.
	Top bool
	// Unsure is set if others make cgroups with such paths, too.
	Unsure bool
	// Escaped is set if systemd has escaped the id, as "my\x2dmachine".
	Escaped bool
	// except reports an id that is none; nil is for patterns without such ids.
	except func(id string) bool
	// What follows spares the regular expression for most cgroups of the host: what each such path begins and ends with, whether the id
	// has 64 digits, and whether there are two colons.
	begin, end     string
	digits, colons bool
}

// fits reports whether a path may match.
func (c *Cgroup) fits(path string) bool {
	return strings.HasPrefix(path, c.begin) && strings.HasSuffix(path, c.end) && (!c.digits || len(path) >= 64) &&
		(!c.colons || strings.Contains(path, ":"))
}

// ID returns the id that the last components of a cgroup's path hold. It reports false if they are of another kind.
func (c *Cgroup) ID(path string) (string, bool) {
	if !c.fits(path) {
		return "", false
	}
	m := c.Path.FindStringSubmatch(path)
	if m == nil {
		return "", false
	}
	id := m[1]
	if c.Escaped {
		id = unescape(id)
	}
	if id == "" || c.except != nil && c.except(id) {
		return "", false
	}
	return id, true
}

// unescape reverts the escaping of systemd: "\x2d" is the byte 0x2d, and "-" is "/". It returns "" if the result is no text.
func unescape(name string) string {
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		if name[i] != '\\' {
			b.WriteByte(name[i])
			continue
		}
		if i+3 >= len(name) || name[i+1] != 'x' {
			return ""
		}
		value, err := strconv.ParseUint(name[i+2:i+4], 16, 8)
		if err != nil {
			return ""
		}
		b.WriteByte(byte(value))
		i += 3
	}
	if !utf8.ValidString(b.String()) {
		return ""
	}
	return b.String()
}

// Processes are the names of a runtime's own processes, as they call themselves. The kernel keeps the first 15 bytes.
type Processes struct {
	Daemon  []string // serves all containers
	Client  []string // is called by users
	Monitor []string // stays with one container
	Creator []string // makes a container, enters or signals it, and ends
	// Setup are patterns of names in a container's cgroup before the container's own program runs there.
	Setup []string
	// Sandbox are programs that run another program with namespaces of its own, and make no containers.
	Sandbox []string
	// Enter are patterns of names that join the namespaces of a container to run another program in it.
	Enter []string
}

// Files are where a runtime keeps what on the host.
type Files struct {
	Sockets   []string // the file names of sockets that command it
	Listens   []string // the paths at which it serves Docker's API; * is the uid of a user who runs it without root
	CRI       []string // the paths at which it serves Kubernetes' CRI API
	SocketDir string   // a folder with these and nothing else
	StateDir  string   // has the files of all containers
	Folder    string   // see FileFolders
	PortProxy string   // ends the file name of the program that passes a port of the host on
}

// Verb is something that a user has an engine do with a container.
type Verb string

// The verbs.
const (
	Stop    Verb = "stop"    // ask, and kill later
	Kill    Verb = "kill"    // a signal
	Remove  Verb = "remove"  // also of one that runs
	Exec    Verb = "exec"    // another program in it
	Logs    Verb = "logs"    // what it has written
	Inspect Verb = "inspect" // how it was set up
	Update  Verb = "update"  // other limits
	Pause   Verb = "pause"   // stop its processes by the freezer
	Resume  Verb = "resume"  // let them go on
)

// All returns the rows of the table, of which the last one is that of Unknown. They are shared: do not change them.
func All() []Runtime { return table }

// Lookup returns the row of a runtime. One that is not in the table, as in a recording of a later version, has a row with nothing
// but its name.
func Lookup(name string) Runtime {
	if i := slices.IndexFunc(table, func(r Runtime) bool { return r.Name == name }); i >= 0 {
		return table[i]
	}
	return Runtime{Name: name}
}

// IsOwn reports whether a process of the host that calls itself so belongs to an engine or a runtime.
func IsOwn(comm string) bool {
	is := func(name string) bool { return comm == name[:min(len(name), maxComm)] }
	return slices.ContainsFunc(table, func(r Runtime) bool {
		p := &r.Processes
		return slices.ContainsFunc(p.Daemon, is) || slices.ContainsFunc(p.Client, is) || slices.ContainsFunc(p.Monitor, is) ||
			slices.ContainsFunc(p.Creator, is)
	})
}

// Makes returns the name of the runtime whose process calls itself so while it makes a container; "" is none.
func Makes(comm string) string {
	is := func(name string) bool { return comm == name[:min(len(name), maxComm)] }
	for i := range table {
		if slices.ContainsFunc(table[i].Processes.Creator, is) {
			return table[i].Name
		}
	}
	return Unknown
}

// IsLowLevel reports whether a runtime is one that engines call to make their containers.
func IsLowLevel(name string) bool { return name == Runc || name == Crun }

// Isolates returns the row of the runtime whose process calls itself so when it makes namespaces, and whether it makes containers. It
// reports false if there is none.
func Isolates(comm string) (r Runtime, containers, ok bool) {
	is := func(name string) bool { return comm == name[:min(len(name), maxComm)] }
	for i := range table {
		p := &table[i].Processes
		switch {
		case slices.ContainsFunc(p.Sandbox, is):
			return table[i], false, true
		case slices.ContainsFunc(p.Creator, is) || matches(p.Setup, comm):
			return table[i], true, true
		}
	}
	return Runtime{}, false, false
}

// maxComm is how much of a process's name the kernel keeps, in bytes.
const maxComm = 15

// SetsUp reports whether a process that calls itself so in a container's cgroup is the runtime's, before the container's program.
func SetsUp(comm string) bool {
	return slices.ContainsFunc(table, func(r Runtime) bool { return matches(r.Processes.Setup, comm) })
}

// Enters reports whether a process that calls itself so and joins the namespaces of a container is the runtime's, on its way to run
// another program there.
func Enters(comm string) bool {
	return slices.ContainsFunc(table, func(r Runtime) bool { return matches(r.Processes.Enter, comm) })
}

// matches reports whether a name is one of the patterns. A * at the end stands for anything.
func matches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		begin, open := strings.CutSuffix(pattern, "*")
		return name == pattern || open && strings.HasPrefix(name, begin)
	})
}

// IsSocket reports whether the name of a file is that of a socket that commands an engine.
func IsSocket(name string) bool {
	return slices.ContainsFunc(table, func(r Runtime) bool { return slices.Contains(r.Files.Sockets, name) })
}

// UsualCapabilities are those that at least one runtime gives a container by default.
func UsualCapabilities() []string {
	var names []string
	for i := range table {
		for _, c := range table[i].Capabilities {
			if !slices.Contains(names, c) {
				names = append(names, c)
			}
		}
	}
	return names
}

// FileFolders are the names of the folders in which engines keep the files that they mount into containers: a folder for each, which
// is called by its id.
func FileFolders() []string {
	var names []string
	for i := range table {
		if name := table[i].Files.Folder; name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// IsPortProxy reports whether a program passes ports of the host on to containers, by the name of its file.
func IsPortProxy(program string) bool {
	return slices.ContainsFunc(table, func(r Runtime) bool {
		return r.Files.PortProxy != "" && strings.HasSuffix(program, r.Files.PortProxy)
	})
}
