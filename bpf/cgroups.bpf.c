// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Cgroups made, entered and removed, in the tracked hierarchy.
 */

/* An event is built here, since the path in it varies in length. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cgroup_event);
} cgroup_scratch SEC(".maps");

static __always_inline int on_cgroup(struct cgroup *cgroup, const char *path, bool removed)
{
	struct cgroup_event *event;
	__u64 id, failed = 0;
	__u32 zero = 0;
	long len;

	if ((__u32)READ(&failed, cgroup, root, hierarchy_id) != tracked_hierarchy) {
		count_failed(failed);
		return 0;
	}
	id = cgroup_id_of(cgroup, &failed);
	if (removed)
		bpf_map_delete_elem(&fresh_cgroups, &id);
	/* A user who was given a part of the hierarchy can make cgroups there without limit. */
	if (!may_send(THROTTLE_LIFECYCLE, 1, &failed)) {
		count_failed(failed);
		return 0;
	}
	if (!removed) {
		struct start_steps steps = { .created_ns = bpf_ktime_get_boot_ns() };

		if (bpf_map_update_elem(&fresh_cgroups, &id, &steps, BPF_ANY) != 0)
			count_error(ERROR_MAP_FRESH);
	}

	/* The buffer is free: both tracepoints run under trace_cgroup_path_lock. */
	event = bpf_map_lookup_elem(&cgroup_scratch, &zero);
	if (!event)
		return 0;
	fill_header(&event->header, EVENT_CGROUP, 0, &failed);
	event->id = id;
	event->removed = removed;
	event->uid = (__u32)bpf_get_current_uid_gid();
	len = bpf_probe_read_kernel_str(event->path, sizeof(event->path), path);
	failed += failed_helper(len);
	count_failed(failed);
	if (len == sizeof(event->path))
		count_error(ERROR_PATH);
	if (len < 1 || len == sizeof(event->path)) {
		event->path[0] = 0;
		len = 1;
	}
	len &= 2 * CGROUP_PATH_LEN -
	       1; /* for the verifier, which has seen len <= CGROUP_PATH_LEN */
	if (len > CGROUP_PATH_LEN)
		return 0;
	event->path_len = len;
	event->header.size = __builtin_offsetof(struct cgroup_event, path) + len;
	if (bpf_ringbuf_output(&lifecycle, event,
			       __builtin_offsetof(struct cgroup_event, path) + len,
			       lifecycle_flags()) != 0)
		count_error(ERROR_RING_LIFECYCLE);
	else
		sent();
	return 0;
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(cgroups_mkdir_tp_btf, struct cgroup *cgroup, const char *path)
{
	return on_cgroup(cgroup, path, false);
}

SEC("raw_tp/cgroup_mkdir")
int cgroups_mkdir_raw_tp(struct bpf_raw_tracepoint_args *ctx)
{
	return on_cgroup((void *)ctx->args[0], (void *)ctx->args[1], false);
}

SEC("tp_btf/cgroup_rmdir")
int BPF_PROG(cgroups_rmdir_tp_btf, struct cgroup *cgroup, const char *path)
{
	return on_cgroup(cgroup, path, true);
}

SEC("raw_tp/cgroup_rmdir")
int cgroups_rmdir_raw_tp(struct bpf_raw_tracepoint_args *ctx)
{
	return on_cgroup((void *)ctx->args[0], (void *)ctx->args[1], true);
}

/* A container's init is moved. User space finds out whether it leaves the container's cgroups. */
static __always_inline void on_init_attach(__u64 to, struct task_struct *task, const bool trusted)
{
	__u32 pid = FIELD(trusted, task, tgid);
	struct init_moved_event *event;
	const struct init *init;
	__u64 failed = 0;

	if ((__u32)FIELD(trusted, task, pid) != pid) /* another thread of it */
		return;
	init = bpf_map_lookup_elem(&inits, &pid);
	if (!init)
		return;
	/* A user who may move it can do so without limit. */
	if (!may_send(THROTTLE_LIFECYCLE, 1, &failed)) {
		count_failed(failed);
		return;
	}
	event = bpf_ringbuf_reserve(&lifecycle, sizeof(*event), 0);
	if (!event) {
		count_error(ERROR_RING_LIFECYCLE);
		count_failed(failed);
		return;
	}
	__builtin_memset(event, 0, sizeof(*event));
	fill_header(&event->header, EVENT_INIT_MOVED, sizeof(*event), &failed);
	count_failed(failed);
	event->home = init->cgroup_id;
	event->to = to;
	event->init = pid;
	bpf_ringbuf_submit(event, lifecycle_flags());
	sent();
}

/* A process is moved into a cgroup. clone3 into a cgroup does not fire this tracepoint. */
static __always_inline int on_cgroup_attach(struct cgroup *cgroup, struct task_struct *task,
					    const bool trusted)
{
	struct start_steps *steps;
	__u64 id, failed = 0;
	bool tracked = (__u32)READ(&failed, cgroup, root, hierarchy_id) == tracked_hierarchy;

	id = cgroup_id_of(cgroup, &failed);
	count_failed(failed);
	if (!tracked)
		return 0;
	steps = bpf_map_lookup_elem(&fresh_cgroups, &id);
	if (steps && !steps->entered_ns)
		steps->entered_ns = bpf_ktime_get_boot_ns();
	on_init_attach(id, task, trusted);
	return 0;
}

SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(cgroups_attach_tp_btf, struct cgroup *cgroup, const char *path,
	     struct task_struct *task)
{
	return on_cgroup_attach(cgroup, task, true);
}

SEC("raw_tp/cgroup_attach_task")
int cgroups_attach_raw_tp(struct bpf_raw_tracepoint_args *ctx)
{
	return on_cgroup_attach((void *)ctx->args[0], (void *)ctx->args[2], false);
}
