// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Kills by the OOM killer: its decisions, who asked for more memory, who was chosen.
 *
 * mark_victim fires for every victim, and for processes that are already exiting and only get access
 * to the reserves. The SIGKILL distinguishes the two: __oom_kill_process sends it to the victim
 * just before it marks it, in the same context, and the kernel is the sender.
 */

/* The latest SIGKILL that the kernel sent in a thread's context, by thread. */
struct kernel_kill {
	__u64 task; /* the struct task_struct of the target */
	__u32 tid;
	__u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 2048);
	__type(key, __u32);
	__type(value, struct kernel_kill);
} kernel_kills SEC(".maps");

/* The latest decision of the OOM killer, by the thread that asked for memory. */
struct decision {
	__u64 id;
	__u64 latest_ns; /* boot time of its latest victim */
	__u64 group; /* the memory.oom.group that is killed as one, a struct mem_cgroup; 0 none */
	__u64 domain_cgroup_id;
	__u64 limit_pages;
	__u64 usage_pages;
	__u32 scope;
	__u8 told;   /* 1: by oom_kill_process, 0: found at mark_victim */
	__u8 unread; /* 1: limit_pages and usage_pages could not be read */
	__u8 pad[2];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 2048);
	__type(key, __u32);
	__type(value, struct decision);
} decisions SEC(".maps");

AFTER_FILTER int note_signal(int sig, unsigned long info, struct task_struct *task, int result)
{
	if (sig == SIGKILL && info == SEND_SIG_PRIV) {
		__u32 current_tid = (__u32)bpf_get_current_pid_tgid();
		struct kernel_kill kill = { .task = (__u64)task };
		__u64 failed = 0;

		kill.tid = READ(&failed, task, pid);
		count_failed(failed);
		if (bpf_map_update_elem(&kernel_kills, &current_tid, &kill, BPF_ANY) != 0)
			count_error(ERROR_MAP_OOM);
		note_kernel_kill(task);
		return 0;
	}
	note_sender(sig, info, task, result);
	return 0;
}

static __always_inline int on_signal(int sig, unsigned long info, struct task_struct *task,
				     int result)
{
	if (!is_noted(sig))
		return 0;
	return note_signal(sig, info, task, result);
}

SEC("tp_btf/signal_generate")
int BPF_PROG(lifecycle_signal_tp_btf, int sig, struct kernel_siginfo *info,
	     struct task_struct *task, int group, int result)
{
	return on_signal(sig, (unsigned long)info, task, result);
}

SEC("raw_tp/signal_generate")
int lifecycle_signal_raw_tp(struct bpf_raw_tracepoint_args *ctx)
{
	return on_signal((int)ctx->args[0], ctx->args[1], (void *)ctx->args[2], (int)ctx->args[4]);
}

/*
 * Describes a cgroup that ran out: limit and usage of memory, or of memory and swap together if only
 * these are full.
 */
static __always_inline void describe_domain(struct decision *decision, struct mem_cgroup *memcg)
{
	__u64 id_failed = 0, failed = 0;
	struct page_counter *counter = __builtin_preserve_access_index(&memcg->memory);

	if (!tracked_is_unified && !counter_is_full(counter, &failed)) {
		struct page_counter *memsw = __builtin_preserve_access_index(&memcg->memsw);

		if (counter_is_full(memsw, &failed))
			counter = memsw;
	}
	decision->scope = OOM_SCOPE_CGROUP;
	decision->domain_cgroup_id = cgroup_id_of(READ(&id_failed, memcg, css.cgroup), &id_failed);
	decision->limit_pages = READ(&failed, counter, max);
	decision->usage_pages = READ(&failed, counter, usage.counter);
	decision->unread = failed != 0;
	count_failed(failed + id_failed);
}

/* The decision itself, where it can be hooked: the kernel says whose memory ran out. */
static __always_inline int on_oom_kill_process(struct oom_control *oc)
{
	__u32 tid = (__u32)bpf_get_current_pid_tgid();
	struct decision decision = {};
	__u64 failed = 0;
	struct mem_cgroup *memcg = READ(&failed, oc, memcg);
	int constraint = READ(&failed, oc, constraint);

	decision.id = bpf_ktime_get_boot_ns();
	decision.told = 1;
	switch (constraint) {
	case CONSTRAINT_CPUSET:
		decision.scope = OOM_SCOPE_CPUSET;
		break;
	case CONSTRAINT_MEMORY_POLICY:
		decision.scope = OOM_SCOPE_MEMPOLICY;
		break;
	default:
		decision.scope = failed ? OOM_SCOPE_UNKNOWN : OOM_SCOPE_SYSTEM;
	}
	count_failed(failed);
	if (memcg) /* and so the constraint is CONSTRAINT_MEMCG */
		describe_domain(&decision, memcg);
	if (bpf_map_update_elem(&decisions, &tid, &decision, BPF_ANY) != 0)
		count_error(ERROR_MAP_OOM);
	return 0;
}

SEC("fentry/oom_kill_process")
int BPF_PROG(oom_decision_fentry, struct oom_control *oc)
{
	return on_oom_kill_process(oc);
}

SEC("kprobe/oom_kill_process")
int BPF_KPROBE(oom_decision_kprobe, struct oom_control *oc)
{
	return on_oom_kill_process(oc);
}

/* An event is built here, since the command line in it varies in length. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct oom_event);
} oom_scratch SEC(".maps");

/*
 * With memory.oom.group one decision has several victims, of which the first may have given its
 * memory back when the last is marked. They come one right after the other, but for what the kernel
 * writes to its console in between, and a serial line has its time.
 */
#define SAME_DECISION_NS 2000000000ull

static __always_inline int on_mark_victim(__u32 tid)
{
	__u32 current_tid = (__u32)bpf_get_current_pid_tgid();
	struct kernel_kill *kill = bpf_map_lookup_elem(&kernel_kills, &current_tid);
	struct decision *known, decision = {};
	struct task_struct *victim;
	struct oom_event *event;
	struct mm_struct *mm;
	struct init *init;
	__u64 now, memcg, domain, group, trigger, victim_cgroup_id, size;
	__u64 failed = 0, uid_failed = 0, adj_failed = 0, ids_failed = 0, sizes_failed = 0;
	__u32 victim_pid, zero = 0;

	if (!kill || kill->tid != tid)
		return 0; /* already exiting: marked, not killed */
	victim = (struct task_struct *)kill->task;
	bpf_map_delete_elem(&kernel_kills, &current_tid);

	now = bpf_ktime_get_boot_ns();
	memcg = (__u64)memory_state(victim, &failed);
	known = bpf_map_lookup_elem(&decisions, &current_tid);
	if (known && known->told) {
		decision = *known;
	} else {
		group = topmost_with(memcg, MEMCG_GROUP);
		if (known && group && known->group == group &&
		    now - known->latest_ns < SAME_DECISION_NS) {
			decision = *known;
		} else {
			decision.id = now;
			decision.group = group;
			trigger = bpf_get_current_task();
			domain = find_domain(memcg, (__u64)memory_state((void *)trigger, &failed));
			if (!domain) {
				decision.scope = scope_of_nodes(trigger);
			} else {
				describe_domain(&decision, (void *)domain);
				if (bpf_map_update_elem(&domains, &decision.domain_cgroup_id, &now,
							BPF_ANY) != 0)
					count_error(ERROR_MAP_OOM);
			}
		}
		decision.latest_ns = now;
		if (bpf_map_update_elem(&decisions, &current_tid, &decision, BPF_ANY) != 0)
			count_error(ERROR_MAP_OOM);
	}

	/* The buffer is free: the kernel marks under oom_lock. */
	event = bpf_map_lookup_elem(&oom_scratch, &zero);
	if (!event)
		return 0;
	__builtin_memset(event, 0, __builtin_offsetof(struct oom_event, command_line));
	fill_header(&event->header, EVENT_OOM_KILL, 0, &failed);
	event->decision = decision.id;
	event->scope = decision.scope;
	event->group = has_up_to(memcg, MEMCG_GROUP, decision.domain_cgroup_id);
	event->domain_cgroup_id = decision.domain_cgroup_id;
	event->limit_pages = decision.limit_pages;
	event->usage_pages = decision.usage_pages;
	victim_cgroup_id = task_cgroup_id(victim, &failed);
	event->victim_cgroup_id = victim_cgroup_id;
	if (bpf_map_lookup_elem(&fresh_cgroups, &victim_cgroup_id))
		event->victim_is_early = 1;
	victim_pid = READ(&failed, victim, tgid);
	event->victim_pid = victim_pid;
	event->victim_tid = tid;
	event->victim_uid = READ(&uid_failed, victim, real_cred, uid.val);
	event->victim_oom_score_adj = READ(&adj_failed, victim, signal, oom_score_adj);
	read_ids(victim, event->victim_namespaces, &ids_failed);
	event->victim_namespaces[NAMESPACE_PID] = own_pid_namespace(victim, &ids_failed);
	event->unread = (uid_failed ? OOM_UNREAD_UID : 0) |
			(adj_failed ? OOM_UNREAD_SCORE_ADJ : 0) |
			(decision.unread ? OOM_UNREAD_DOMAIN : 0);
	failed += failed_helper(BPF_CORE_READ_STR_INTO(&event->victim_comm, victim, comm));
	failed += failed_helper(
		BPF_CORE_READ_STR_INTO(&event->victim_process_comm, victim, group_leader, comm));
	failed += failed_helper(BPF_CORE_READ_STR_INTO(&event->trigger_process_comm,
						       (struct task_struct *)bpf_get_current_task(),
						       group_leader, comm));
	/* mark_oom_victim has just stored the memory here; task->mm may be gone at any time. */
	mm = READ(&failed, victim, signal, oom_mm);
	event->anon_pages = mm_counter(mm, MM_ANONPAGES, &sizes_failed);
	event->file_pages = mm_counter(mm, MM_FILEPAGES, &sizes_failed);
	event->shmem_pages = mm_counter(mm, MM_SHMEMPAGES, &sizes_failed);
	event->pgtables_bytes = READ(&sizes_failed, mm, pgtables_bytes.counter);
	event->sizes_known = !sizes_failed;
	event->command_line_len =
		read_command_line(event->command_line, &event->arguments_len, mm, &failed);
	count_failed(failed + uid_failed + adj_failed + ids_failed + sizes_failed);
	init = bpf_map_lookup_elem(&inits, &victim_pid);
	if (init) {
		init->oom_killed = 1;
		event->victim_is_init = 1;
	}
	size = event->command_line_len;
	if (size > COMMAND_LINE_LEN)
		size = COMMAND_LINE_LEN;
	size += __builtin_offsetof(struct oom_event, command_line);
	event->header.size = size;
	if (bpf_ringbuf_output(&urgent, event, size, BPF_RB_FORCE_WAKEUP) != 0)
		count_error(ERROR_RING_URGENT);
	return 0;
}

static __always_inline __u32 victim_tid(struct task_struct *victim)
{
	__u64 failed = 0;
	__u32 tid = READ(&failed, victim, pid);

	count_failed(failed);
	return tid;
}

/*
 * mark_victim has had two arguments, the task and its uid, since 72ba14deb40a ("mm: update
 * mark_victim tracepoints fields"), which distributions have backported; before it had one, the
 * thread's id. User space asks the BTF which of these to load.
 */
SEC("tp_btf/mark_victim")
int BPF_PROG(oom_victim_task_tp_btf, struct task_struct *victim)
{
	return on_mark_victim(victim_tid(victim));
}

SEC("tp_btf/mark_victim")
int BPF_PROG(oom_victim_pid_tp_btf, int tid)
{
	return on_mark_victim(tid);
}

SEC("raw_tp/mark_victim")
int oom_victim_task_raw_tp(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *victim = (void *)ctx->args[0];

	return on_mark_victim(victim_tid(victim));
}

SEC("raw_tp/mark_victim")
int oom_victim_pid_raw_tp(struct bpf_raw_tracepoint_args *ctx)
{
	return on_mark_victim((__u32)ctx->args[0]);
}
