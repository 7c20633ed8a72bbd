/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Everybody has a share of the rings. Events that any user can cause without limit are limited by their
 * source. Events beyond a source's share are counted for that source and not sent. A user who can make
 * sources at will has as many shares, so a source is identified by something that the user cannot change:
 *
 * - The user is the one who made the outermost user namespace that the process is in. Outside of user namespaces
 *   it is the process's own. In a user namespace a user has all IDs that are mapped into it, usually 65,536.
 * - A user who was given a part of the cgroups, as systemd does for every user, makes cgroups there and moves
 *   into them. So a cgroup counts as its ancestor at a low level, above the parts that are given away.
 *
 * The ring of cgroups and starts (THROTTLE_LIFECYCLE) has one source for each user other than root, one for
 * each user namespace that root made, and for root himself one for each cgroup at the second level: a service,
 * a Docker container, a class of a Kubernetes node's pods. Only root on the host can fill it, outside of user
 * namespaces and with the right to make cgroups at the first or second level.
 *
 * The ring of namespaces (THROTTLE_NAMESPACES) has one source for each user other than root in each cgroup at
 * the third level, and one for root in each cgroup, also in user namespaces that root made. These user
 * namespaces are no sources here, since root can make them at will. Root in a container can fill it by
 * making cgroups there, and so can a user who was given cgroups at the third level or above.
 */
#ifndef NSVIZ_THROTTLE_H
#define NSVIZ_THROTTLE_H

#include "nsviz.h"

/* Events that a source may send at once, and the time in which it may send one more. */
const volatile __u64 throttle_burst = 8192;
const volatile __u64 throttle_interval_ns = 1000000;

/* Each subject has a share of its own. */
enum throttle_subject {
	THROTTLE_NAMESPACES,
	THROTTLE_LIFECYCLE,
};

struct throttle_source {
	__u64 cgroup_id; /* in the tracked hierarchy; 0 unknown, or any */
	__u32 uid;	 /* as the host counts */
	__u32 user_ns;	 /* the outermost one, by number; 0 none, or any */
};

/*
 * The generic cell rate algorithm: each event moves due_ns ahead by one interval, and a source whose due_ns is
 * more than a burst ahead of the clock has to wait.
 */
struct throttle_state {
	__u64 due_ns;	 /* boot time */
	__u64 dropped;	 /* events, since the source was first seen */
	__u64 cgroup_id; /* the source's latest one over its share, or an ancestor of that */
};

/*
 * The sources of each subject. A source that is evicted starts again with a full burst. Sources of namespaces
 * can partly be made at will, so they have a map of their own and evict none of the others.
 */
struct throttle_sources {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct throttle_source);
	__type(value, struct throttle_state);
};
struct throttle_sources throttle_namespaces SEC(".maps");
struct throttle_sources throttle_lifecycle SEC(".maps");

/* How deep user namespaces nest (create_user_ns, kernel/user_namespace.c). */
#define USER_NAMESPACE_LEVELS 33

/* Returns task's outermost user namespace below the host's; NULL if it is in the host's. */
static __always_inline struct user_namespace *outermost_user_ns(struct task_struct *task,
								__u64 *failed)
{
	struct user_namespace *ns = READ(failed, task, real_cred, user_ns);
	int level = READ(failed, ns, level);

	if (level < 1)
		return NULL;
	for (int i = 1; i < USER_NAMESPACE_LEVELS && i < level; i++)
		ns = READ(failed, ns, parent);
	return ns;
}

/* Sets source to that of the current process; returns its cgroup, or an ancestor of that. */
static __always_inline __u64 find_source(struct throttle_source *source, const __u32 subject,
					 __u64 *failed)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct user_namespace *user_ns = outermost_user_ns(task, failed);
	__u64 cgroup_id;
	__u32 level;

	source->uid = (__u32)bpf_get_current_uid_gid();
	if (user_ns)
		source->uid = READ(failed, user_ns, owner.val);
	if (subject == THROTTLE_LIFECYCLE)
		level = 2;
	else
		level = source->uid ? 3 : ~0u;
	cgroup_id = cgroup_ancestor_id(task_cgroup(task, failed), level, failed);
	if (subject == THROTTLE_NAMESPACES)
		source->cgroup_id = cgroup_id;
	else if (source->uid)
		; /* all of the user's */
	else if (user_ns)
		source->user_ns = READ(failed, user_ns, ns.inum);
	else
		source->cgroup_id = cgroup_id;
	return cgroup_id;
}

/*
 * Reports whether the current process may send a record of count events in user space. CPUs do not wait for
 * each other here: two at the same time may take one interval together.
 */
static __always_inline bool may_send(const __u32 subject, __u64 count, __u64 *failed)
{
	void *sources = subject == THROTTLE_LIFECYCLE ? &throttle_lifecycle : &throttle_namespaces;
	struct throttle_source source = {};
	__u64 cgroup_id = find_source(&source, subject, failed);
	__u64 now = bpf_ktime_get_boot_ns(), due;
	struct throttle_state *state = bpf_map_lookup_elem(sources, &source);

	if (!state) {
		struct throttle_state first = { .due_ns = now + throttle_interval_ns };

		/* If that fails, the next event tries again. */
		bpf_map_update_elem(sources, &source, &first, BPF_NOEXIST);
		return true;
	}
	due = state->due_ns;
	if (due < now)
		due = now;
	if (due - now > throttle_burst * throttle_interval_ns) {
		state->cgroup_id = cgroup_id;
		__sync_fetch_and_add(&state->dropped, count);
		count_errors(ERROR_THROTTLED, count);
		return false;
	}
	state->due_ns = due + throttle_interval_ns;
	return true;
}

#endif
