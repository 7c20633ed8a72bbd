package runtime

// Advice returns how to close a finding of `nsviz inspect`, by its id, in the words of what starts the containers of a runtime: the
// flags of its command line or the keys of its configuration. kubernetes is set for a container of a Kubernetes pod, which is
// started by the pod's spec, whatever the runtime. It returns "" if there are no such words.
func Advice(name string, kubernetes bool, finding string) string {
	if kubernetes {
		return kubernetesAdvice[finding]
	}
	return advice[name][finding]
}

// advice is a column of the table: by runtime, how to close each finding.
var advice = map[string]map[string]string{
	Docker: runFlags("give it a user namespace (the engine's userns-remap, a rootless engine)"),
	Podman: runFlags("give it a user namespace (--userns=auto, or rootless: as an ordinary user)"),
	"lxc": {
		"host_pid_namespace":    "take pid out of lxc.namespace.keep and lxc.namespace.share.pid",
		"host_net_namespace":    "set lxc.net.0.type to veth, not to none; take net out of lxc.namespace.keep",
		"host_ipc_namespace":    "take ipc out of lxc.namespace.keep",
		"host_uts_namespace":    "take uts out of lxc.namespace.keep",
		"host_cgroup_namespace": "take cgroup out of lxc.namespace.keep",
		"host_root":             "make it an unprivileged container, with lxc.idmap",
		"no_seccomp":            "set lxc.seccomp.profile to /usr/share/lxc/config/common.seccomp",
		"new_privileges":        "set lxc.no_new_privs to 1",
		"lsm_unconfined":        "set lxc.apparmor.profile to generated; load the profile in enforce mode",
		"privileged":            "make it an unprivileged container, with lxc.idmap and lxc.seccomp.profile; drop capabilities with lxc.cap.drop",
		"added_capabilities":    "name the capability in question in lxc.cap.drop; lxc.cap.keep with what it needs is better still",
		"writable_proc_sys":     "set lxc.mount.auto to proc:mixed",
		"writable_sys":          "set lxc.mount.auto to sys:ro or sys:mixed",
		"writable_cgroups":      "set lxc.mount.auto to cgroup:ro",
		"writable_root":         "set lxc.rootfs.options to ro, and mount a tmpfs with lxc.mount.entry for what it has to write",
		"host_mount":            "ro in lxc.mount.entry",
		"devices":               "take the device out of lxc.mount.entry and lxc.cgroup2.devices.allow (v1: lxc.cgroup.devices.allow)",
		"no_memory_limit":       "set lxc.cgroup2.memory.max (v1: lxc.cgroup.memory.limit_in_bytes)",
		"no_pids_limit":         "set lxc.cgroup2.pids.max (v1: lxc.cgroup.pids.max)",
	},
	"nspawn": {
		"host_pid_namespace":    "start it without SYSTEMD_NSPAWN_SHARE_NS_PID in its environment",
		"host_net_namespace":    "start it with --network-veth or --private-network; publish the ports that are needed with --port",
		"host_ipc_namespace":    "start it without SYSTEMD_NSPAWN_SHARE_NS_IPC in its environment",
		"host_uts_namespace":    "start it without SYSTEMD_NSPAWN_SHARE_NS_UTS in its environment",
		"host_cgroup_namespace": "start it with SYSTEMD_NSPAWN_USE_CGNS=1 in its environment",
		"host_root":             "start it with --private-users=pick",
		"no_seccomp":            "start it without SYSTEMD_SECCOMP=0 in its environment",
		"new_privileges":        "start it with --no-new-privileges=yes",
		"privileged":            "start it with --private-users=pick and without --capability; add the one capability or device that it needs",
		"added_capabilities":    "start it with --drop-capability for the one in question, and without --capability",
		"writable_proc_sys":     "start it without SYSTEMD_NSPAWN_API_VFS_WRITABLE in its environment",
		"writable_sys":          "start it without SYSTEMD_NSPAWN_API_VFS_WRITABLE in its environment",
		"writable_root":         "start it with --read-only, and with --tmpfs for what it has to write",
		"host_mount":            "--bind-ro=FROM:TO",
		"devices":               "start it without --bind of the device and without --property=DeviceAllow",
		"no_memory_limit":       "start it with --property=MemoryMax",
		"no_pids_limit":         "start it with --property=TasksMax",
	},
}

// runFlags are the flags of `docker run`, which podman has, too. userns is how the engine gives a container a user namespace.
func runFlags(userns string) map[string]string {
	return map[string]string{
		"host_mnt_namespace":    "run it in a mount namespace of its own, as every engine does by default",
		"host_pid_namespace":    "start it without --pid=host",
		"host_net_namespace":    "start it without --network=host; publish the ports that are needed with -p",
		"host_ipc_namespace":    "start it without --ipc=host; containers that work together share with --ipc=container:NAME",
		"host_uts_namespace":    "start it without --uts=host",
		"host_cgroup_namespace": "start it with --cgroupns=private",
		"host_root":             "run it as a user (--user, USER in the image), or " + userns,
		"no_seccomp":            "start it without --security-opt seccomp=unconfined; without --privileged",
		"new_privileges":        "start it with --security-opt no-new-privileges",
		"lsm_unconfined":        "start it without --security-opt apparmor=unconfined or label=disable, without --privileged; load the profile in enforce mode",
		"privileged":            "start it without --privileged; add the one capability or device that it needs",
		"added_capabilities":    "start it without the --cap-add in question; --cap-drop=ALL and --cap-add what it needs is better still",
		"writable_proc_sys":     "start it without --privileged and without --security-opt systempaths=unconfined; namespaced settings can be given with --sysctl",
		"writable_sys":          "start it without --privileged; mount /sys read-only",
		"writable_cgroups":      "start it without --privileged; mount the cgroups read-only",
		"writable_root":         "start it with --read-only, and with --tmpfs for what it has to write",
		"host_mount":            "-v FROM:TO:ro",
		"host_ports":            "-p 127.0.0.1:8080:80",
		"devices":               "start it without --device and without --privileged",
		"no_memory_limit":       "start it with --memory",
		"no_pids_limit":         "start it with --pids-limit",
	}
}

// kubernetesAdvice are the fields of a pod's spec and of its containers' securityContext.
var kubernetesAdvice = map[string]string{
	"host_pid_namespace": "leave hostPID out of the pod's spec",
	"host_net_namespace": "leave hostNetwork out of the pod's spec; a Service leads to the ports that are needed",
	"host_ipc_namespace": "leave hostIPC out of the pod's spec",
	"host_uts_namespace": "leave hostNetwork out of the pod's spec, with which it gets a host name of its own",
	"host_root":          "set securityContext.runAsNonRoot to true (USER in the image, or runAsUser), or hostUsers to false in the pod's spec",
	"no_seccomp":         "set securityContext.seccompProfile.type to RuntimeDefault, without privileged",
	"new_privileges":     "set securityContext.allowPrivilegeEscalation to false",
	"lsm_unconfined":     "set securityContext.appArmorProfile.type to RuntimeDefault or give it seLinuxOptions, without privileged; load the profile in enforce mode",
	"privileged":         "leave securityContext.privileged out; add the one capability or device that it needs",
	"added_capabilities": "leave the one in question out of securityContext.capabilities.add; drop: [ALL], and add what it needs, is better still",
	"writable_proc_sys":  "leave securityContext.privileged and procMount: Unmasked out; namespaced settings go to sysctls of the pod's securityContext",
	"writable_sys":       "leave securityContext.privileged out; mount /sys read-only",
	"writable_cgroups":   "leave securityContext.privileged out; mount the cgroups read-only",
	"writable_root":      "set securityContext.readOnlyRootFilesystem to true, with emptyDir volumes for what it has to write",
	"host_mount":         "readOnly: true in volumeMounts",
	"host_ports":         "without hostPort; a Service leads to it",
	"devices":            "leave securityContext.privileged out; a device plugin gives it the one that it needs",
	"privileged_process": "kubectl debug without --profile=sysadmin",
	"no_memory_limit":    "set resources.limits.memory",
	"no_pids_limit":      "set podPidsLimit of the kubelet",
}
