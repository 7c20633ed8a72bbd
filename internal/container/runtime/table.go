package runtime

import (
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
)

// The shapes of ids.
const (
	id64 = `[0-9a-f]{64}` // of most engines: SHA-256, or as many random digits
	uuid = `[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`
	// name is what users call a container where its runtime lets them choose.
	name = `[A-Za-z0-9][A-Za-z0-9_.+-]*`
	// free is a name that may have any letters.
	free = `[^/]+`
	// escaped is a name that systemd has escaped.
	escaped = `(?:[A-Za-z0-9:_.]|\\x[0-9a-f]{2})+`
	step    = `[a-z0-9]{25}` // a step of a build
)

// table has a row for each runtime. Where the name of a cgroup fits several, the first one counts.
var table = []Runtime{
	{
		Name: Docker,
		Cgroups: []Cgroup{
			cgroup(`docker/{id}`, id64), // cgroupfs
			cgroup(`docker-{id}\.scope`, id64), misread(id64, "docker"),
			cgroup(`docker/buildx/{id}`, id64), cgroup(`containerd\.service/cpuset/{id}`, id64),
		},
		GlobalIDs: true,
		Processes: Processes{
			Daemon: []string{"dockerd", "docker-containerd"}, Client: []string{"docker"},
			Monitor: []string{"docker-containerd-shim"}, Creator: []string{"docker-runc"}, // as Docker called its own ones up to 18.06
		},
		Commands: dockerLike("docker"), RunFlags: true,
		Capabilities: dockerCapabilities(),
		Files: Files{
			Sockets:  []string{"docker.sock", "dockershim.sock", "cri-dockerd.sock", "buildkitd.sock"},
			Listens:  []string{"/run/docker.sock", "/run/user/*/docker.sock"},
			StateDir: "/var/lib/docker", Folder: "containers",
			PortProxy: "docker-proxy", // rootless: rootlesskit-docker-proxy
		},
	},
	{
		Name: Podman,
		Cgroups: []Cgroup{
			cgroup(`libpod-{id}(?:\.scope)?`, id64), misread(id64, "libpod"),
			cgroup(`libpod-payload-{id}`, id64), // --cgroups=split, Quadlet
		},
		Pods:      []Cgroup{cgroup(`libpod_parent/{id}`, id64), cgroup(`machine-libpod_pod_{id}\.slice`, id64), cgroup(`user-libpod_pod_{id}\.slice`, id64)},
		GlobalIDs: true,
		Processes: Processes{Client: []string{"podman", "podman pause"}, Monitor: []string{"conmon"}, Setup: []string{"conmon"}},
		Commands:  dockerLike("podman"), RunFlags: true,
		// Its default capabilities are those of containers.conf: Debian's podman 4.3 gives Docker's, later ones three fewer.
		Files: Files{
			Sockets: []string{"podman.sock"}, Listens: []string{"/run/podman/podman.sock", "/run/user/*/podman/podman.sock"},
			StateDir: "/var/lib/containers", Folder: "overlay-containers",
		},
	},
	{
		// The kubelet, nerdctl and ctr all command it, so that no one command is right.
		Name: Containerd,
		Cgroups: []Cgroup{
			cgroup(`(?:cri-containerd|nerdctl)-{id}\.scope`, id64), misread(id64, "cri-containerd", "nerdctl"),
			// ctr and nerdctl with cgroupfs: the namespace, then the id.
			cgroup(`k8s\.io/{id}`, id64).atTop(), cgroup(`(?:default|k8s\.io|moby)/{id}`, name).atTop().unsure(),
		},
		Processes: Processes{
			Daemon: []string{"containerd"}, Client: []string{"ctr"}, Monitor: []string{"containerd-shim", "containerd-shim-runc-v2"},
		},
		Capabilities: dockerCapabilities(),
		Files: Files{
			Sockets: []string{"containerd.sock"}, SocketDir: "/run/containerd", StateDir: "/var/lib/containerd", Folder: "sandboxes",
			// Its own; k3s and RKE2; k0s; MicroK8s.
			CRI: []string{"/run/containerd/containerd.sock", "/run/k3s/containerd/containerd.sock", "/run/k0s/containerd.sock", "/var/snap/microk8s/common/run/containerd.sock"},
		},
	},
	{
		// The kubelet commands it.
		Name:      CRIO,
		Cgroups:   []Cgroup{cgroup(`crio-{id}(?:\.scope)?`, id64), misread(id64, "crio")},
		GlobalIDs: true,
		Processes: Processes{Daemon: []string{"crio"}, Monitor: []string{"conmon"}, Setup: []string{"conmon"}},
		Capabilities: []string{
			"cap_chown", "cap_dac_override", "cap_fsetid", "cap_fowner", "cap_setgid", "cap_setuid", "cap_setpcap", "cap_net_bind_service", "cap_kill",
		},
		Files: Files{
			Sockets: []string{"crio.sock"}, CRI: []string{"/run/crio/crio.sock"}, StateDir: "/var/lib/containers", Folder: "overlay-containers",
		},
	},
	{
		Name: BuildKit,
		Cgroups: []Cgroup{
			cgroup(`docker/buildkit/{id}`, step), cgroup(`buildkit/{id}`, step).atTop(), misread(step, "docker", "buildkit"),
		},
		Processes: Processes{Daemon: []string{"buildkitd"}},
		GlobalIDs: true,
	},
	{Name: "buildah", Cgroups: []Cgroup{cgroup(`buildah-{id}\.scope`, `buildah[0-9]+`)}, Processes: Processes{Client: []string{"buildah"}}},
	{
		Name:      "balena",
		Cgroups:   []Cgroup{cgroup(`balena-{id}\.scope`, id64), cgroup(`balena/{id}`, id64)},
		Processes: Processes{Daemon: []string{"balenad", "balena-engine-daemon"}}, GlobalIDs: true,
	},
	{
		Name: LXC,
		Cgroups: []Cgroup{
			cgroup(`lxc\.payload\.{id}`, free), cgroup(`lxc\.payload/{id}`, free),
			cgroup(`lxc/{id}`, name), // up to LXC 3
		},
		Processes: Processes{
			Monitor: []string{"[lxc monitor] *"}, Creator: []string{"lxc-start", "lxc-execute", "lxd", "incusd"},
			Enter: []string{"lxc-attach", "memfd:lxc-attac"}, // which runs itself from a copy in memory (src/lxc/rexec.c)
		},
		Commands: map[Verb]string{
			Stop: "lxc-stop", Kill: "lxc-stop --kill", Remove: "lxc-destroy --force", Exec: "lxc-attach", Inspect: "lxc-info",
			Pause: "lxc-freeze", Resume: "lxc-unfreeze",
		},
	},
	{
		Name: Nspawn,
		Cgroups: []Cgroup{
			cgroup(`machine-{id}\.scope/payload`, escaped).escaped(), cgroup(`systemd-nspawn@{id}\.service/payload`, escaped).escaped(),
			cgroup(`machine\.slice/{id}\.scope/payload`, name), // --register=no
		},
		Processes:       Processes{Creator: []string{"systemd-nspawn"}},
		ReadCommandLine: nspawnLine,
		Commands: map[Verb]string{
			Stop: "machinectl poweroff", Kill: "machinectl terminate", Exec: "machinectl shell", Inspect: "machinectl status",
		},
	},
	{Name: "garden", Cgroups: []Cgroup{cgroup(`garden/{id}`, `[0-9a-z-]+`), cgroup(`{id}`, uuid).atTop().unsure()}},
	{Name: "mesos", Cgroups: []Cgroup{cgroup(`mesos/{id}`, uuid)}, GlobalIDs: true},
	{
		Name: "nomad",
		Cgroups: []Cgroup{
			cgroup(`nomad\.slice/(?:share|reserve)\.slice/{id}\.scope`, uuid+`\.`+name),
			cgroup(`nomad\.slice/{id}\.scope`, uuid+`\.`+name), // 1.3 to 1.6
		},
		GlobalIDs: true,
	},
	{Name: "ecs", Cgroups: []Cgroup{cgroup(`ecs/[0-9a-f]{32}/{id}`, `[0-9a-f]{32}-[0-9]+`)}, GlobalIDs: true},
	{Name: "kata", Pods: []Cgroup{cgroup(`kata_overhead/{id}`, id64)}}, // what runs the machine of a sandbox
	// The runtimes below the engines. A container that an engine has them make has its engine's name.
	{
		Name:    Runc,
		Cgroups: []Cgroup{cgroup(`runc-{id}\.scope`, name), misread(name, "runc"), cgroup(`{id}`, name).atTop().unsure().but(isFolder)},
		Processes: Processes{
			Creator: []string{"runc"},
			Setup:   []string{"runc*"}, // runc:[2:INIT]
			Enter:   []string{"runc", "runc:[*"},
		},
		Commands: ociCommands("runc"),
	},
	{
		Name:      Crun,
		Cgroups:   []Cgroup{cgroup(`crun-{id}\.scope`, name), misread(name, "crun")},
		Processes: Processes{Creator: []string{"crun"}, Setup: []string{"crun"}, Enter: []string{"crun"}},
		Commands:  ociCommands("crun"),
	},
	{
		Name:      "youki",
		Cgroups:   []Cgroup{cgroup(`youki-{id}\.scope`, name), misread(name, "youki")},
		Processes: Processes{Creator: []string{"youki"}}, Commands: ociCommands("youki"),
	},
	{Name: Bubblewrap, Processes: Processes{Sandbox: []string{"bwrap"}}, ReadCommandLine: bwrapLine},
	{Name: Flatpak}, // which has bubblewrap make the sandboxes
	{Name: "firejail", Processes: Processes{Sandbox: []string{"firejail"}}, ReadCommandLine: firejailLine},
	{Name: "unshare", Processes: Processes{Sandbox: []string{"unshare"}}},
	{Name: Systemd}, // of the units that are services with namespaces of their own
	{Name: "runsc", Processes: Processes{Creator: []string{"runsc"}}},
	{Name: Demo, Cgroups: []Cgroup{cgroup(`{id}`, DemoPrefix+`[0-9a-z-]+`)}},
	{
		Name: Unknown,
		Cgroups: []Cgroup{
			cgroup(`pod`+uuidOfPod+`/{id}`, id64), // cgroupfs below a kubelet
			cgroup(`{id}`, id64).unsure(),         // a parent of the user's choice (docker run --cgroup-parent)
		},
		Pods: []Cgroup{
			cgroup(`(?:.*-)?kubepods(?:-besteffort|-burstable)?-pod{id}\.slice(?::.*)?`, uuidOfPod),
			cgroup(`(?:kubepods|besteffort|burstable)/pod{id}`, uuidOfPod),
		},
		GlobalIDs: true,
	},
}

// uuidOfPod is the id of a pod of Kubernetes. systemd's slices have "_" for "-"; static pods have 32 digits.
const uuidOfPod = `[0-9a-f]+(?:[-_][0-9a-f]+)*`

// isFolder reports whether a cgroup at the top is no container of an OCI runtime: a folder for others, a unit of systemd, LXC's own, or one
// with an engine's id.
func isFolder(name string) bool {
	if len(name) == 64 && strings.Trim(name, "0123456789abcdef") == "" {
		return true
	}
	switch name {
	case "docker", "kubepods", "libpod_parent", "lxc", "default", "moby", "k8s.io", "buildkit", "balena", "garden", "mesos", "ecs",
		"kata_overhead", "user", "system", "machine":
		return true
	}
	begins := []string{"lxc.", DemoPrefix}
	ends := []string{".slice", ".scope", ".service", ".mount", ".swap", ".socket"}
	return slices.ContainsFunc(begins, func(b string) bool { return strings.HasPrefix(name, b) }) ||
		slices.ContainsFunc(ends, func(e string) bool { return strings.HasSuffix(name, e) })
}

// cgroup makes a Cgroup; {id} stands for an id of that shape. A slash is between two components.
func cgroup(path, id string) Cgroup {
	before, after, _ := strings.Cut(path, `{id}`)
	return Cgroup{
		Path:  regexp.MustCompile(`^(?:` + before + `(` + id + `)` + after + `)$`),
		Depth: strings.Count(path, "/") + 1,
		begin: literal(before), end: literal(after), digits: id == id64,
	}
}

// literal returns what a part of a regular expression matches if it matches one text only; else "".
func literal(expression string) string {
	parsed, err := syntax.Parse(expression, syntax.Perl)
	if err != nil || parsed.Op != syntax.OpLiteral {
		return ""
	}
	return string(parsed.Rune)
}

func (c Cgroup) atTop() Cgroup { c.Top = true; return c }

func (c Cgroup) unsure() Cgroup { c.Unsure = true; return c }

func (c Cgroup) escaped() Cgroup { c.Escaped = true; return c }

func (c Cgroup) but(except func(id string) bool) Cgroup { c.except = except; return c }

// misread recognises slice:prefix:name, which systemd is to be asked with, taken for a path: an engine set to systemd above a
// runtime set to cgroupfs.
func misread(id string, prefixes ...string) Cgroup {
	c := cgroup(`.*:(?:`+strings.Join(prefixes, "|")+`):{id}`, id)
	c.colons = true
	return c
}

// ociCommands are the commands of an OCI runtime.
func ociCommands(program string) map[Verb]string {
	return map[Verb]string{
		Kill: program + " kill", Remove: program + " delete --force", Exec: program + " exec", Inspect: program + " state",
		Update: program + " update", Pause: program + " pause", Resume: program + " resume",
	}
}

// dockerLike are the commands of a program with Docker's command line.
func dockerLike(program string) map[Verb]string {
	return map[Verb]string{
		Stop: program + " stop", Kill: program + " kill", Remove: program + " rm --force", Exec: program + " exec",
		Logs: program + " logs", Inspect: program + " inspect", Update: program + " update",
		Pause: program + " pause", Resume: program + " unpause",
	}
}

// dockerCapabilities are Docker's, which containerd and nerdctl have taken over.
func dockerCapabilities() []string {
	return []string{
		"cap_chown", "cap_dac_override", "cap_fsetid", "cap_fowner", "cap_mknod", "cap_net_raw", "cap_setgid", "cap_setuid",
		"cap_setfcap", "cap_setpcap", "cap_net_bind_service", "cap_sys_chroot", "cap_kill", "cap_audit_write",
	}
}
