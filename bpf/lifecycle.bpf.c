// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A container's init: the exec of the container's own program, the signal that is sent to end it,
 * and its death.
 */

/* Returns the number of task's mount namespace; 0 after exit_task_namespaces. */
static __always_inline __u32 mnt_namespace(struct task_struct *task, __u64 *failed)
{
	struct nsproxy *nsproxy = READ(failed, task, nsproxy);

	if (!nsproxy)
		return 0;
	return READ(failed, nsproxy, mnt_ns, ns.inum);
}

/*
 * Filters out the host's ordinary processes. A process that has never changed a namespace shares its
 * parent's nsproxy. An init does not, whatever namespaces it joins later: unshare and setns always
 * make a new nsproxy (create_new_namespaces). Comparing pointers touches only the two task structs;
 * namespace numbers or a hash table would cost cache misses at every exit.
 */
static __always_inline bool shares_nsproxy(struct task_struct *task, const bool trusted)
{
	struct task_struct *parent = FIELD(trusted, task, real_parent);

	return FIELD(trusted, task, nsproxy) == FIELD(trusted, parent, nsproxy);
}

/* How deep the PID namespace is that task was made in; the host's is at 0. */
static __always_inline __u32 pid_level(struct task_struct *task, __u64 *failed)
{
	return READ(failed, task, thread_pid, level);
}

/* The process that is PID 1 in the PID namespace that the children of task are in. */
static __always_inline __u32 first_of(struct task_struct *task, __u64 *failed)
{
	return READ(failed, task, nsproxy, pid_ns_for_children, child_reaper, tgid);
}

/*
 * The latest execs that were sent as an entry, by thread group id. If a shell replaces itself by its only command,
 * that exec is not sent again, unless the process has entered something else since.
 */
struct entry {
	__u64 made_ns;	/* when the process was made, boot time */
	__u32 mnt, pid; /* its namespaces, by number */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct entry);
} entries SEC(".maps");

/* Whether this has been sent as an entry. What is pushed out of the map is sent again. */
static __always_inline bool was_sent(__u32 pid, const struct entry *entry)
{
	const struct entry *latest = bpf_map_lookup_elem(&entries, &pid);

	if (latest && latest->made_ns == entry->made_ns && latest->mnt == entry->mnt &&
	    latest->pid == entry->pid)
		return true;
	bpf_map_update_elem(&entries, &pid, entry, BPF_ANY);
	return false;
}

/* Sends that task, which is the current one, executes in namespaces other than its parent's. */
static __always_inline void send_entry(struct task_struct *task, struct task_struct *parent,
				       __u32 pid, __u32 mnt, bool below, __u64 *failed)
{
	struct entry entry = { .mnt = mnt };
	struct entered_event *event;
	struct mm_struct *mm;

	/* Whoever is PID 1 of its namespace has not entered it: that was made for him. */
	if (first_of(task, failed) == pid)
		return;
	entry.made_ns = READ(failed, task, group_leader, start_boottime);
	entry.pid = READ(failed, task, nsproxy, pid_ns_for_children, ns.inum);
	if (was_sent(pid, &entry) || !may_send(THROTTLE_LIFECYCLE, 1, failed))
		return;
	event = bpf_ringbuf_reserve(&lifecycle, sizeof(*event), 0);
	if (!event) {
		count_error(ERROR_RING_LIFECYCLE);
		return;
	}
	__builtin_memset(event, 0, sizeof(*event));
	fill_header(&event->header, EVENT_ENTERED, sizeof(*event), failed);
	event->uid = (__u32)bpf_get_current_uid_gid();
	event->below = below;
	event->by_cgroup_id = task_cgroup_id(parent, failed);
	event->by_pid = READ(failed, parent, tgid);
	event->by_uid = READ(failed, parent, real_cred, uid.val);
	*failed +=
		failed_helper(BPF_CORE_READ_STR_INTO(&event->by_comm, parent, group_leader, comm));
	read_ids(task, event->id, failed);
	mm = READ(failed, task, mm);
	event->command_line_len =
		read_command_line(event->command_line, &event->arguments_len, mm, failed);
	bpf_ringbuf_submit(event, lifecycle_flags());
	sent();
}

/* Sends that task, which is the current one, executes a container's own program, or what may be that. */
static __always_inline void send_start(struct task_struct *task, __u32 pid, __u64 cgroup_id,
				       const struct start_steps *steps, __u64 *failed)
{
	struct init init = { .cgroup_id = cgroup_id, .started = 1 };
	struct start_event *event;

	if (bpf_map_update_elem(&inits, &pid, &init, BPF_ANY) != 0)
		count_error(ERROR_MAP_INITS);

	event = bpf_ringbuf_reserve(&lifecycle, sizeof(*event), 0);
	if (!event) {
		count_error(ERROR_RING_LIFECYCLE);
		return;
	}
	__builtin_memset(event, 0, sizeof(*event));
	fill_header(&event->header, EVENT_START, sizeof(*event), failed);
	event->steps = *steps;
	event->cloned_ns = READ(failed, task, group_leader, start_boottime);
	read_ids(task, event->id, failed);
	bpf_ringbuf_submit(event, lifecycle_flags());
	sent();
}

/*
 * A container starts with the first exec in its new cgroup by a process that has left its parent's
 * mount namespace. What a runtime runs before that shares its parent's: the runtime's own init
 * (runc init, also where clone3 puts it straight into the cgroup) the host's, and hooks that run
 * inside the container that of the runtime's init.
 *
 * An exec by such a process may be an entry instead: of a program that an engine or a user runs in a
 * container. So may one in a PID namespace below its parent's, since nsenter changes its own
 * namespaces and then makes a child. In a new cgroup it may be either: a session has one, too.
 */
AFTER_FILTER int note_exec(struct task_struct *task)
{
	struct start_steps *fresh, steps = {};
	const struct init *known;
	struct task_struct *parent;
	__u64 cgroup_id, failed = 0;
	bool left, below, start;
	__u32 mnt, pid;

	parent = READ(&failed, task, real_parent);
	mnt = mnt_namespace(task, &failed);
	left = mnt != own_mnt_namespace && mnt != mnt_namespace(parent, &failed);
	below = pid_level(task, &failed) > pid_level(parent, &failed);
	if (!left && !below) {
		count_failed(failed);
		return 0;
	}
	cgroup_id = task_cgroup_id(task, &failed);
	pid = READ(&failed, task, tgid);
	known = bpf_map_lookup_elem(&inits, &pid);
	if (left) {
		fresh = bpf_map_lookup_elem(&fresh_cgroups, &cgroup_id);
		if (fresh) {
			start = true;
			steps = *fresh;
			bpf_map_delete_elem(&fresh_cgroups, &cgroup_id);
		} else if (known) {
			/*
			 * Found by user space in the middle of the exec: the new name shows before the exec is
			 * traced (begin_new_exec, exec_binprm in fs/exec.c). User space knows whether it has
			 * long been running.
			 */
			start = !known->started;
		} else {
			/*
			 * Made before the programs were. It is reported only because nobody knows yet: any
			 * user can exec as often as he likes.
			 */
			start = settling && may_send(THROTTLE_LIFECYCLE, 1, &failed);
		}
		if (start)
			send_start(task, pid, cgroup_id, &steps, &failed);
	}
	if (!known)
		send_entry(task, parent, pid, mnt, below, &failed);
	count_failed(failed);
	return 0;
}

/*
 * Whether a process is in a PID namespace below its parent's, as the child of an nsenter is, though the two share their
 * nsproxy. Of the host's own processes this reads no more than their level, at which exec has just looked as well
 * (exec_binprm, fs/exec.c).
 */
static __always_inline bool is_below_parent(struct task_struct *task, const bool trusted)
{
	struct pid *pid = FIELD(trusted, task, thread_pid);
	__u32 level = FIELD(trusted, pid, level);
	struct task_struct *parent;

	if (!level)
		return false;
	parent = FIELD(trusted, task, real_parent);
	pid = FIELD(trusted, parent, thread_pid);
	return FIELD(trusted, pid, level) < level;
}

static __always_inline int on_exec(struct task_struct *task, const bool trusted)
{
	if (shares_nsproxy(task, trusted) && !is_below_parent(task, trusted))
		return 0;
	return note_exec(task);
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

#define SIGNAL_BIT(sig) (1ull << (sig))

/*
 * Fatal signals that processes send. The latest is kept with its sender until the init dies. For
 * SIGKILL by the kernel itself see oom.bpf.c.
 */
#define FATAL_SIGNALS                                                                          \
	(SIGNAL_BIT(SIGHUP) | SIGNAL_BIT(SIGINT) | SIGNAL_BIT(SIGQUIT) | SIGNAL_BIT(SIGABRT) | \
	 SIGNAL_BIT(SIGKILL) | SIGNAL_BIT(SIGUSR1) | SIGNAL_BIT(SIGUSR2) | SIGNAL_BIT(SIGTERM))

/*
 * Other signals that images use as their stop signal: SIGRTMIN+3 for systemd, SIGWINCH for httpd.
 */
#define STOP_SIGNALS (SIGNAL_BIT(SIGWINCH) | SIGNAL_BIT(SIGRTMIN_3))

static __always_inline bool is_noted(int sig)
{
	return sig >= 1 && sig < 64 && ((FATAL_SIGNALS | STOP_SIGNALS) & SIGNAL_BIT(sig));
}

/*
 * When PID 1 of a PID namespace dies, the kernel kills all processes in it, in the context of its last
 * thread (zap_pid_ns_processes, kernel/pid_namespace.c). Other kills by the kernel itself have other
 * reasons: a limit of CPU time, reboot(2) inside a container, a tracer that ends.
 */
static __always_inline bool is_namespace_end(struct task_struct *task, __u64 *failed)
{
	struct task_struct *current = (void *)bpf_get_current_task();
	struct pid_namespace *ending;
	struct pid *pid;
	__u32 level;

	if (!(READ(failed, current, flags) & PF_EXITING))
		return false;
	pid = READ(failed, current, thread_pid);
	level = READ(failed, pid, level);
	ending = pid_namespace_at(pid, level, failed);
	if (!ending || READ(failed, ending, child_reaper) != current)
		return false;
	pid = READ(failed, task, thread_pid);
	return READ(failed, pid, level) >= level && pid_namespace_at(pid, level, failed) == ending;
}

static __always_inline void fill_sender(struct sent_signal *noted, int sig, __u64 *failed)
{
	__u64 sender = bpf_get_current_pid_tgid();

	noted->boot_ns = bpf_ktime_get_boot_ns();
	noted->cgroup_id = task_cgroup_id((void *)bpf_get_current_task(), failed);
	noted->pid = sender >> 32;
	noted->signal = sig;
	noted->uid = (__u32)bpf_get_current_uid_gid();
	noted->pid_namespace_ended = 0;
	bpf_get_current_comm(noted->comm, sizeof(noted->comm));
}

/* A SIGKILL by the kernel itself; mark_victim reports that of the OOM killer. */
static __always_inline void note_kernel_kill(struct task_struct *task)
{
	__u64 failed = 0;
	__u32 pid = READ(&failed, task, tgid);
	struct init *init = bpf_map_lookup_elem(&inits, &pid);

	if (init && init->latest.signal != SIGKILL && is_namespace_end(task, &failed)) {
		if (init->latest.pid)
			init->earlier = init->latest;
		fill_sender(&init->latest, SIGKILL, &failed);
		init->latest.pid_namespace_ended = 1;
	}
	count_failed(failed);
}

static __always_inline void note_sender(int sig, unsigned long info, struct task_struct *task,
					int result)
{
	__u64 failed = 0;
	__u32 pid = READ(&failed, task, tgid);
	struct init *init = bpf_map_lookup_elem(&inits, &pid);
	struct sent_signal *noted;
	int code = 0;

	count_failed(failed);
	failed = 0;

	if (!init || info == SEND_SIG_PRIV)
		return;
	/* Later signals change nothing. */
	if (init->latest.signal == SIGKILL)
		return;
	/* A positive si_code means that the kernel sent it: a fault, a timer, a terminal. */
	if (info != SEND_SIG_NOINFO)
		code = READ(&failed, (struct kernel_siginfo *)info, si_code);
	if (code > 0)
		return;
	switch (result) {
	case TRACE_SIGNAL_DELIVERED:
	case TRACE_SIGNAL_LOSE_INFO:
		/* The signal that is replaced did not end the process. */
		if (init->latest.pid && init->latest.signal != (__u32)sig)
			init->earlier = init->latest;
		noted = &init->latest;
		break;
	case TRACE_SIGNAL_IGNORED:
		/* A PID 1 without a handler ignores all signals that are not forced on it. */
		noted = &init->earlier;
		break;
	default: /* pending already: this sender's changes nothing */
		return;
	}
	fill_sender(noted, sig, &failed);
	count_failed(failed);
}

AFTER_FILTER int note_exit(struct task_struct *task)
{
	struct exit_event *event;
	struct init *init, unknown = {};
	__u64 failed = 0, status_failed = 0, pids_failed = 0;
	__u32 pid = READ(&failed, task, tgid);
	struct signal_struct *signal;
	struct pids_cgroup *pids;

	init = bpf_map_lookup_elem(&inits, &pid);
	if (!init) {
		/* It is older than the programs, and user space may never find it. */
		if (!settling || mnt_namespace(task, &failed) == own_mnt_namespace ||
		    first_of(task, &failed) != pid) {
			count_failed(failed);
			return 0;
		}
		unknown.cgroup_id = task_cgroup_id(task, &failed);
		init = &unknown;
		if (!may_send(THROTTLE_LIFECYCLE, 1, &failed)) {
			count_failed(failed);
			return 0;
		}
	}

	event = bpf_ringbuf_reserve(&urgent, sizeof(*event), 0);
	if (!event) {
		count_error(ERROR_RING_URGENT);
		count_failed(failed);
		bpf_map_delete_elem(&inits, &pid);
		return 0;
	}
	__builtin_memset(event, 0, sizeof(*event));
	fill_header(&event->header, EVENT_EXIT, sizeof(*event), &failed);
	/* The container is the one that the init was started for, even if it was moved since. */
	event->header.cgroup_id = init->cgroup_id;
	/* The status that wait(2) would report (wait_task_zombie in kernel/exit.c). */
	signal = READ(&status_failed, task, signal);
	if (READ(&status_failed, signal, flags) & SIGNAL_GROUP_EXIT)
		event->status = READ(&status_failed, signal, group_exit_code);
	else
		event->status = READ(&status_failed, task, group_leader, exit_code);
	event->status_known = !status_failed;
	event->latest = init->latest;
	event->earlier = init->earlier;
	event->oom_killed = init->oom_killed;
	/* Its cgroup may be gone before user space can read this. */
	pids = pids_state(task, &failed);
	if (pids) {
		event->pids_refused = pids_refused(pids, &pids_failed);
		event->pids_known = !pids_failed;
	}
	count_failed(failed + status_failed + pids_failed);
	bpf_map_delete_elem(&inits, &pid);
	bpf_ringbuf_submit(event, BPF_RB_FORCE_WAKEUP);
	return 0;
}

static __always_inline int on_exit(struct task_struct *task, const bool trusted)
{
	struct signal_struct *signal = FIELD(trusted, task, signal);

	/* A process dies with its last thread. */
	if (FIELD(trusted, signal, live.counter) != 0)
		return 0;
	if (shares_nsproxy(task, trusted))
		return 0;
	return note_exit(task);
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
