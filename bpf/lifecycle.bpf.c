// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The life of a container's init: the exec of the container's own program, the signal that is sent
 * to end it, its death.
 */

/* The mount namespace of task, by number. */
static __always_inline __u32 mnt_namespace(struct task_struct *task, const bool trusted)
{
	struct nsproxy *nsproxy = FIELD(trusted, task, nsproxy);
	struct mnt_namespace *mnt;

	if (!nsproxy)
		return 0;
	mnt = FIELD(trusted, nsproxy, mnt_ns);
	if (!mnt)
		return 0;
	return FIELD(trusted, mnt, ns.inum);
}

/*
 * The filter by which the host's processes leave: whoever has never changed a namespace shares the
 * very nsproxy of its parent. An init does not, whatever namespaces it joins later: unshare and setns
 * always make a new nsproxy (create_new_namespaces). Comparing pointers touches nothing but the two
 * task structs; the numbers of namespaces, or a hash table, would be cache misses at every exit.
 */
static __always_inline bool shares_nsproxy(struct task_struct *task, const bool trusted)
{
	struct task_struct *parent = FIELD(trusted, task, real_parent);

	return FIELD(trusted, task, nsproxy) == FIELD(trusted, parent, nsproxy);
}

/*
 * A container starts with the first exec in its new cgroup by a process that has left its parent's
 * mount namespace. What a runtime runs before that shares its parent's: the runtime's own init
 * (runc init, also where clone3 puts it straight into the cgroup) the host's, and hooks that run
 * inside the container that of the runtime's init.
 */
static __always_inline int on_exec(struct task_struct *task, const bool trusted)
{
	struct start_event *event;
	struct init init = {};
	__u64 *created, created_ns;
	__u64 cgroup_id;
	__u32 mnt, pid;

	if (shares_nsproxy(task, trusted))
		return 0;
	mnt = mnt_namespace(task, trusted);
	if (mnt == own_mnt_namespace ||
	    mnt == mnt_namespace(FIELD(trusted, task, real_parent), trusted))
		return 0;
	cgroup_id = task_cgroup_id(task);
	created = bpf_map_lookup_elem(&fresh_cgroups, &cgroup_id);
	if (!created)
		return 0;
	created_ns = *created;
	bpf_map_delete_elem(&fresh_cgroups, &cgroup_id);

	pid = FIELD(trusted, task, tgid);
	init.cgroup_id = cgroup_id;
	if (bpf_map_update_elem(&inits, &pid, &init, BPF_ANY) != 0)
		count_error(ERROR_MAP_INITS);

	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		count_error(ERROR_RING_EVENTS);
		return 0;
	}
	__builtin_memset(event, 0, sizeof(*event));
	fill_header(&event->header, EVENT_START, sizeof(*event));
	event->cgroup_created_ns = created_ns;
	read_ids(task, event->id);
	bpf_ringbuf_submit(event, events_flags());
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(lifecycle_exec_tp_btf, struct task_struct *task)
{
	return on_exec(task, true);
}

SEC("raw_tp/sched_process_exec")
int lifecycle_exec_raw_tp(struct bpf_raw_tracepoint_args *ctx)
{
	return on_exec((void *)ctx->args[0], false);
}

/*
 * The signals that end a process and that somebody sends: remembered with their sender until the
 * init dies. For SIGKILL by the kernel itself see oom.bpf.c.
 */
#define FATAL_SIGNALS \
	(1 << SIGHUP | 1 << SIGINT | 1 << SIGQUIT | 1 << SIGABRT | 1 << SIGKILL | 1 << SIGTERM)

static __always_inline void note_sender(int sig, unsigned long info, struct task_struct *task,
					int result, const bool trusted)
{
	__u32 pid = FIELD(trusted, task, tgid);
	struct init *init = bpf_map_lookup_elem(&inits, &pid);
	__u64 sender;

	if (!init || info == SEND_SIG_PRIV)
		return;
	/* Ignored, or pending already: it is not this sender's that will be the end. */
	if (result != TRACE_SIGNAL_DELIVERED && result != TRACE_SIGNAL_LOSE_INFO)
		return;
	/* A positive si_code is the kernel's own doing: a fault, a timer, a terminal. */
	if (info != SEND_SIG_NOINFO && BPF_CORE_READ((struct kernel_siginfo *)info, si_code) > 0)
		return;
	sender = bpf_get_current_pid_tgid();
	init->killer_pid = sender >> 32;
	init->killer_signal = sig;
	init->killer_cgroup_id = task_cgroup_id((void *)bpf_get_current_task());
	bpf_get_current_comm(init->killer_comm, sizeof(init->killer_comm));
}

static __always_inline int on_exit(struct task_struct *task, const bool trusted)
{
	struct signal_struct *signal = FIELD(trusted, task, signal);
	struct exit_event *event;
	struct init *init;
	__u32 pid;

	/* The death of a process is that of its last thread. */
	if (FIELD(trusted, signal, live.counter) != 0)
		return 0;
	if (shares_nsproxy(task, trusted))
		return 0;
	pid = FIELD(trusted, task, tgid);
	init = bpf_map_lookup_elem(&inits, &pid);
	if (!init)
		return 0;

	event = bpf_ringbuf_reserve(&urgent, sizeof(*event), 0);
	if (!event) {
		count_error(ERROR_RING_URGENT);
		bpf_map_delete_elem(&inits, &pid);
		return 0;
	}
	__builtin_memset(event, 0, sizeof(*event));
	fill_header(&event->header, EVENT_EXIT, sizeof(*event));
	/* The container is the one that the init was started for, wherever it has moved since. */
	event->header.cgroup_id = init->cgroup_id;
	/* What wait(2) would be told (wait_task_zombie in kernel/exit.c). */
	if (FIELD(trusted, signal, flags) & SIGNAL_GROUP_EXIT)
		event->status = FIELD(trusted, signal, group_exit_code);
	else
		event->status = BPF_CORE_READ(task, group_leader, exit_code);
	event->killer_pid = init->killer_pid;
	event->killer_signal = init->killer_signal;
	event->killer_cgroup_id = init->killer_cgroup_id;
	event->oom_killed = init->oom_killed;
	__builtin_memcpy(event->killer_comm, init->killer_comm, sizeof(event->killer_comm));
	bpf_map_delete_elem(&inits, &pid);
	bpf_ringbuf_submit(event, BPF_RB_FORCE_WAKEUP);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(lifecycle_exit_tp_btf, struct task_struct *task)
{
	return on_exit(task, true);
}

SEC("raw_tp/sched_process_exit")
int lifecycle_exit_raw_tp(struct bpf_raw_tracepoint_args *ctx)
{
	return on_exit((void *)ctx->args[0], false);
}
