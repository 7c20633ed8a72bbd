package runtime

import (
	"regexp"
	"strings"
)

// id64 is the shape of the ids of all engines: SHA-256, or as many random digits.
const id64 = `[0-9a-f]{64}`

// table has a row for each runtime. Where the name of a cgroup fits several, the first one counts.
var table = []Runtime{
	{
		Name: Docker,
		Cgroups: []Cgroup{
			cgroup("docker", `{id}`, id64), // cgroupfs
			cgroup("", `docker-{id}\.scope`, id64), misread("docker"),
		},
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
		Name:      Podman,
		Cgroups:   []Cgroup{cgroup("", `libpod-{id}(?:\.scope)?`, id64), misread("libpod")},
		Processes: Processes{Client: []string{"podman"}, Monitor: []string{"conmon"}, Setup: []string{"conmon"}},
		Commands:  dockerLike("podman"), RunFlags: true,
		// Its default capabilities are those of containers.conf: Debian's podman 4.3 gives Docker's, later ones three fewer.
		Files: Files{
			Sockets: []string{"podman.sock"}, Listens: []string{"/run/podman/podman.sock", "/run/user/*/podman/podman.sock"},
			StateDir: "/var/lib/containers", Folder: "overlay-containers",
		},
	},
	{
		// The kubelet, nerdctl and ctr all command it, so that no one command is right.
		Name:    Containerd,
		Cgroups: []Cgroup{cgroup("", `(?:cri-containerd|nerdctl)-{id}\.scope`, id64), misread("cri-containerd", "nerdctl")},
		Processes: Processes{
			Daemon: []string{"containerd"}, Client: []string{"ctr"}, Monitor: []string{"containerd-shim", "containerd-shim-runc-v2"},
		},
		Capabilities: dockerCapabilities(),
		Files: Files{
			Sockets: []string{"containerd.sock"}, SocketDir: "/run/containerd", StateDir: "/var/lib/containerd", Folder: "sandboxes",
		},
	},
	{
		// The kubelet commands it.
		Name:      CRIO,
		Cgroups:   []Cgroup{cgroup("", `crio-{id}(?:\.scope)?`, id64), misread("crio")},
		Processes: Processes{Daemon: []string{"crio"}, Monitor: []string{"conmon"}, Setup: []string{"conmon"}},
		Capabilities: []string{
			"cap_chown", "cap_dac_override", "cap_fsetid", "cap_fowner", "cap_setgid", "cap_setuid", "cap_setpcap", "cap_net_bind_service", "cap_kill",
		},
		Files: Files{Sockets: []string{"crio.sock"}, StateDir: "/var/lib/containers", Folder: "overlay-containers"},
	},
	// The runtimes below these engines. A container of theirs has its engine's name.
	{
		Name: "runc",
		Processes: Processes{
			Creator: []string{"runc"},
			Setup:   []string{"runc*"}, // runc:[2:INIT]
			Enter:   []string{"runc", "runc:[*"},
		},
	},
	{Name: "crun", Processes: Processes{Creator: []string{"crun"}, Setup: []string{"crun"}, Enter: []string{"crun"}}},
	{Name: "youki", Processes: Processes{Creator: []string{"youki"}}},
	{Name: "runsc", Processes: Processes{Creator: []string{"runsc"}}},
	{Name: Demo, Cgroups: []Cgroup{cgroup("", `{id}`, DemoPrefix+`[0-9a-z-]+`)}},
	// A parent of the user's choice (docker run --cgroup-parent), or cgroupfs below a kubelet.
	{Name: Unknown, Cgroups: []Cgroup{cgroup("", `{id}`, id64)}},
}

// cgroup makes a Cgroup; {id} stands for an id of that shape.
func cgroup(parent, name, id string) Cgroup {
	return Cgroup{Parent: parent, Name: regexp.MustCompile(`^(?:` + strings.Replace(name, `{id}`, `(`+id+`)`, 1) + `)$`)}
}

// misread recognises slice:prefix:name, which systemd is to be asked with, taken for a path: an engine set to systemd above a
// runtime set to cgroupfs.
func misread(prefixes ...string) Cgroup {
	c := cgroup("", `.*:(?:`+strings.Join(prefixes, "|")+`):{id}`, id64)
	c.must = ":"
	return c
}

// dockerLike are the commands of a program with Docker's command line.
func dockerLike(program string) map[Verb]string {
	return map[Verb]string{
		Stop: program + " stop", Kill: program + " kill", Remove: program + " rm --force", Exec: program + " exec",
		Logs: program + " logs", Inspect: program + " inspect", Update: program + " update",
	}
}

// dockerCapabilities are Docker's, which containerd and nerdctl have taken over.
func dockerCapabilities() []string {
	return []string{
		"cap_chown", "cap_dac_override", "cap_fsetid", "cap_fowner", "cap_mknod", "cap_net_raw", "cap_setgid", "cap_setuid",
		"cap_setfcap", "cap_setpcap", "cap_net_bind_service", "cap_sys_chroot", "cap_kill", "cap_audit_write",
	}
}
