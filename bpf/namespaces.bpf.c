// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Namespaces made by clone and unshare, joined by setns, and freed.
 *
 * The ids before and after are compared; flags are never trusted: those of clone3 are in user
 * memory, and create_new_namespaces runs with none as well. The user namespace is in the
 * credentials. pid and time namespaces are those for children: a process that unshares one does
 * not enter it itself.
 */

struct namespace_call {
	__u64 entered_ns;
	__u32 id[NAMESPACE_TYPES]; /* on entry */
};

/*
 * Thread to the unshare or setns that it is in; it is in one such call at a time. Entries are not evicted, so
 * a return without an entry belongs to a call that did not begin under watch: seccomp refused it, and only the
 * tracepoint of its return fires, or it is older than the programs. User space removes entries whose return was
 * missed, and counts them. A kretprobe misses returns while more threads are in the function than it has room
 * for (max(10, 2 * CPUs)).
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, __u32);
	__type(value, struct namespace_call);
} calls SEC(".maps");

/*
 * Namespaces whose creation was not sent, since their source was over its share. Their end is not sent
 * either.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, __u8);
} unsent_namespaces SEC(".maps");

/* Returns a process's PID namespace at a level; level 0 is the host's. */
static __always_inline struct pid_namespace *pid_namespace_at(struct pid *pid, __u32 level,
							      __u64 *failed)
{
	void *number = (void *)__builtin_preserve_access_index(&pid->numbers);

	number += (__u64)level * bpf_core_type_size(struct upid);
	return READ(failed, (struct upid *)number, ns);
}

/* Returns the PID namespace that a process is in; 0 unknown. Its nsproxy has that of its next child. */
static __always_inline __u32 own_pid_namespace(struct task_struct *task, __u64 *failed)
{
	struct pid *pid = READ(failed, task, thread_pid);
	struct pid_namespace *in = pid_namespace_at(pid, READ(failed, pid, level), failed);

	return READ(failed, in, ns.inum);
}

static __always_inline void read_ids(struct task_struct *task, __u32 *id, __u64 *failed)
{
	struct nsproxy *nsproxy = READ(failed, task, nsproxy);

	id[NAMESPACE_USER] = READ(failed, task, real_cred, user_ns, ns.inum);
	if (!nsproxy) /* the task is past exit_task_namespaces */
		return;
	id[NAMESPACE_MNT] = READ(failed, nsproxy, mnt_ns, ns.inum);
	id[NAMESPACE_PID] = READ(failed, nsproxy, pid_ns_for_children, ns.inum);
	id[NAMESPACE_NET] = READ(failed, nsproxy, net_ns, ns.inum);
	id[NAMESPACE_IPC] = READ(failed, nsproxy, ipc_ns, ns.inum);
	id[NAMESPACE_UTS] = READ(failed, nsproxy, uts_ns, ns.inum);
	id[NAMESPACE_CGROUP] = READ(failed, nsproxy, cgroup_ns, ns.inum);
	if (has_time_namespaces())
		id[NAMESPACE_TIME] = READ(failed, nsproxy, time_ns_for_children, ns.inum);
}

/* Reads the owners and parents of task's namespaces whose bit is set in changed. */
static __always_inline void read_relations(struct task_struct *task, struct namespaces_event *event,
					   __u64 *failed)
{
	struct nsproxy *nsproxy = READ(failed, task, nsproxy);
	__u32 changed = event->changed;

	if (changed & (1 << NAMESPACE_USER)) {
		/* A user namespace is owned by its parent (ns_get_owner in kernel/user_namespace.c). */
		event->parent[NAMESPACE_USER] =
			READ(failed, task, real_cred, user_ns, parent, ns.inum);
		event->owner[NAMESPACE_USER] = event->parent[NAMESPACE_USER];
	}
	if (!nsproxy)
		return;
	if (changed & (1 << NAMESPACE_MNT))
		event->owner[NAMESPACE_MNT] = READ(failed, nsproxy, mnt_ns, user_ns, ns.inum);
	if (changed & (1 << NAMESPACE_PID)) {
		event->owner[NAMESPACE_PID] =
			READ(failed, nsproxy, pid_ns_for_children, user_ns, ns.inum);
		event->parent[NAMESPACE_PID] =
			READ(failed, nsproxy, pid_ns_for_children, parent, ns.inum);
	}
	if (changed & (1 << NAMESPACE_NET))
		event->owner[NAMESPACE_NET] = READ(failed, nsproxy, net_ns, user_ns, ns.inum);
	if (changed & (1 << NAMESPACE_IPC))
		event->owner[NAMESPACE_IPC] = READ(failed, nsproxy, ipc_ns, user_ns, ns.inum);
	if (changed & (1 << NAMESPACE_UTS))
		event->owner[NAMESPACE_UTS] = READ(failed, nsproxy, uts_ns, user_ns, ns.inum);
	if (changed & (1 << NAMESPACE_CGROUP))
		event->owner[NAMESPACE_CGROUP] = READ(failed, nsproxy, cgroup_ns, user_ns, ns.inum);
	if (has_time_namespaces() && changed & (1 << NAMESPACE_TIME))
		event->owner[NAMESPACE_TIME] =
			READ(failed, nsproxy, time_ns_for_children, user_ns, ns.inum);
}

/*
 * Returns 1 if the ids differ, 0 if they are equal or one is unknown. There is no branch: branches for
 * eight types would make 256 paths for the verifier to follow to the end of the program, and older
 * kernels would refuse it. The barriers keep the compiler from bringing the branches back.
 */
static __always_inline __u32 differs(__u64 a, __u64 b)
{
	__u64 unequal = a ^ b;

	barrier_var(unequal);
	barrier_var(a);
	barrier_var(b);
	return (-unequal & -a & -b) >> 63;
}

/* Remembers the namespaces that were made and not sent. */
static __always_inline void note_unsent(const __u32 *id, __u32 changed)
{
	__u8 one = 1;

	for (int i = 0; i < NAMESPACE_TYPES; i++) {
		__u32 inum = id[i];

		if (changed >> i & 1) /* where it fails an end is sent that nobody has a use for */
			bpf_map_update_elem(&unsent_namespaces, &inum, &one, BPF_ANY);
	}
}

/* Sends what differs between before and the ids of task, if anything does. */
static __always_inline void send_difference(struct task_struct *task, const __u32 *before,
					    __u32 via, __u32 child_pid, __u64 entered_ns,
					    __u64 *failed)
{
	struct namespaces_event *event;
	__u32 after[NAMESPACE_TYPES] = {};
	__u32 changed = 0, types = 0;

	read_ids(task, after, failed);
	for (int i = 0; i < NAMESPACE_TYPES; i++)
		changed |= differs(before[i], after[i]) << i;
	if (!changed)
		return;
	/* Each type becomes an event of its own in user space. */
	for (int i = 0; i < NAMESPACE_TYPES; i++)
		types += changed >> i & 1;
	if (!may_send(THROTTLE_NAMESPACES, types, failed)) {
		if (via != VIA_SETNS)
			note_unsent(after, changed);
		return;
	}
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		count_errors(ERROR_RING_EVENTS, types);
		return;
	}
	__builtin_memset(event, 0, sizeof(*event));
	fill_header(&event->header, EVENT_NAMESPACES, sizeof(*event), failed);
	event->via = via;
	event->changed = changed;
	event->child_pid = child_pid;
	event->uid = (__u32)bpf_get_current_uid_gid();
	if (entered_ns)
		event->took_ns = event->header.boot_ns - entered_ns;
	__builtin_memcpy(event->id, after, sizeof(after));
	read_relations(task, event, failed);
	bpf_ringbuf_submit(event, events_flags());
	sent();
}

/* clone: the child's ids against the parent's. */
AFTER_FILTER int note_fork(struct task_struct *parent, struct task_struct *child)
{
	__u32 before[NAMESPACE_TYPES] = {};
	__u64 failed = 0;

	read_ids(parent, before, &failed);
	send_difference(child, before, VIA_CLONE, READ(&failed, child, tgid), 0, &failed);
	count_failed(failed);
	return 0;
}

static __always_inline int on_fork(struct task_struct *parent, struct task_struct *child,
				   const bool trusted)
{
	/* Ordinary forks share both and end here. */
	if (FIELD(trusted, parent, nsproxy) == FIELD(trusted, child, nsproxy)) {
		struct cred *parent_cred = FIELD(trusted, parent, real_cred);
		struct cred *child_cred = FIELD(trusted, child, real_cred);

		/* Never NULL, but the verifier asks for this check if the kernel's BTF says __rcu. */
		if (!parent_cred || !child_cred)
			return 0;
		if (FIELD(trusted, parent_cred, user_ns) == FIELD(trusted, child_cred, user_ns))
			return 0;
	}
	return note_fork(parent, child);
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(namespaces_fork_tp_btf, struct task_struct *parent, struct task_struct *child)
{
	return on_fork(parent, child, true);
}

SEC("raw_tp/sched_process_fork")
int namespaces_fork_raw_tp(struct bpf_raw_tracepoint_args *ctx)
{
	return on_fork((void *)ctx->args[0], (void *)ctx->args[1], false);
}

/* unshare and setns: the ids on return against those on entry. */
static __always_inline int on_call_entry(void)
{
	__u32 tid = (__u32)bpf_get_current_pid_tgid();
	struct namespace_call call = { .entered_ns = bpf_ktime_get_boot_ns() };
	__u64 failed = 0;

	read_ids((void *)bpf_get_current_task(), call.id, &failed);
	count_failed(failed);
	if (bpf_map_update_elem(&calls, &tid, &call, BPF_NOEXIST) == 0) {
		notice(); /* somebody has to see whether its return is missed */
		return 0;
	}
	/* The map is full, or the return of the thread's previous call was missed. One call is lost. */
	count_error(ERROR_MAP_CALLS);
	bpf_map_update_elem(&calls, &tid, &call, BPF_ANY);
	return 0;
}

static __always_inline int on_call_return(__u32 via, int ret)
{
	__u32 tid = (__u32)bpf_get_current_pid_tgid();
	struct namespace_call *call = bpf_map_lookup_elem(&calls, &tid);
	__u64 failed = 0;

	if (!call)
		return 0;
	/* A call that fails changes nothing. */
	if (ret == 0) {
		send_difference((void *)bpf_get_current_task(), call->id, via, 0, call->entered_ns,
				&failed);
		count_failed(failed);
	}
	bpf_map_delete_elem(&calls, &tid);
	return 0;
}

#define ON_ENTRY(name, section)         \
	SEC(section)                    \
	int name(void *ctx)             \
	{                               \
		return on_call_entry(); \
	}

/* At fexit the argument comes first, of which these functions have one; then what is returned. */
#define ON_FEXIT(name, section, via)                       \
	SEC(section)                                       \
	int name(__u64 *ctx)                               \
	{                                                  \
		return on_call_return(via, (int)(ctx[1])); \
	}

#define ON_KRETPROBE(name, section, via)                          \
	SEC(section)                                              \
	int name(struct pt_regs *ctx)                             \
	{                                                         \
		return on_call_return(via, (int)PT_REGS_RC(ctx)); \
	}

#define ON_SYS_EXIT(name, section, via)                    \
	SEC(section)                                       \
	int name(struct sys_exit_args *ctx)                \
	{                                                  \
		return on_call_return(via, (int)ctx->ret); \
	}

ON_ENTRY(namespaces_unshare_fentry, "fentry/ksys_unshare")
ON_FEXIT(namespaces_unshare_fexit, "fexit/ksys_unshare", VIA_UNSHARE)
ON_ENTRY(namespaces_unshare_kprobe, "kprobe/ksys_unshare")
ON_KRETPROBE(namespaces_unshare_kretprobe, "kretprobe/ksys_unshare", VIA_UNSHARE)
ON_ENTRY(namespaces_unshare_sys_enter, "tracepoint/syscalls/sys_enter_unshare")
ON_SYS_EXIT(namespaces_unshare_sys_exit, "tracepoint/syscalls/sys_exit_unshare", VIA_UNSHARE)

ON_ENTRY(namespaces_setns_fentry, "fentry/" SYS("setns"))
ON_FEXIT(namespaces_setns_fexit, "fexit/" SYS("setns"), VIA_SETNS)
ON_ENTRY(namespaces_setns_kprobe, "kprobe/" SYS("setns"))
ON_KRETPROBE(namespaces_setns_kretprobe, "kretprobe/" SYS("setns"), VIA_SETNS)
ON_ENTRY(namespaces_setns_sys_enter, "tracepoint/syscalls/sys_enter_setns")
ON_SYS_EXIT(namespaces_setns_sys_exit, "tracepoint/syscalls/sys_exit_setns", VIA_SETNS)

/*
 * The end of a namespace of any type: its number goes back to the kernel. All types take their
 * numbers from one pool (proc_inum_ida), so the number alone says which namespace it was.
 */
static __always_inline int on_free_inum(__u32 inum)
{
	struct namespace_freed_event *event;
	__u64 failed = 0;

	if (bpf_map_delete_elem(&unsent_namespaces, &inum) == 0)
		return 0;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		count_error(ERROR_RING_EVENTS);
		return 0;
	}
	__builtin_memset(event, 0, sizeof(*event));
	fill_header(&event->header, EVENT_NAMESPACE_FREED, sizeof(*event), &failed);
	count_failed(failed);
	event->id = inum;
	bpf_ringbuf_submit(event, events_flags());
	sent();
	return 0;
}

SEC("fentry/proc_free_inum")
int BPF_PROG(namespaces_free_fentry, unsigned int inum)
{
	return on_free_inum(inum);
}

SEC("kprobe/proc_free_inum")
int BPF_KPROBE(namespaces_free_kprobe, unsigned int inum)
{
	return on_free_inum(inum);
}
