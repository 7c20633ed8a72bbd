/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A share of the rings for everybody. What any user can make happen as often as he likes is limited by who
 * does it: a real user ID in a cgroup. A container's root is told apart from the host's by its cgroup, a
 * user of the host from the runtimes by his ID. What is over the share is counted by who did it and not sent.
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
	__u64 cgroup_id; /* in the tracked hierarchy; 0 unknown */
	__u32 uid;	 /* real, as the host counts */
	__u32 subject;	 /* enum throttle_subject */
};

/*
 * The generic cell rate algorithm: each event moves due_ns ahead by one interval, and a source whose due_ns is
 * more than a burst ahead of the clock has to wait.
 */
struct throttle_state {
	__u64 due_ns;  /* boot time */
	__u64 dropped; /* events, since the source was first seen */
};

/* A source that is pushed out starts again with a full burst. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct throttle_source);
	__type(value, struct throttle_state);
} throttle_sources SEC(".maps");

/*
 * Whether the current process may send something that is count events in user space. CPUs do not wait for each
 * other here: two that are at it at once may take one interval together.
 */
static __always_inline bool may_send(__u64 cgroup_id, __u32 subject, __u64 count)
{
	struct throttle_source source = {
		.cgroup_id = cgroup_id,
		.uid = (__u32)bpf_get_current_uid_gid(),
		.subject = subject,
	};
	__u64 now = bpf_ktime_get_boot_ns(), due;
	struct throttle_state *state = bpf_map_lookup_elem(&throttle_sources, &source);

	if (!state) {
		struct throttle_state first = { .due_ns = now + throttle_interval_ns };

		/* Where that fails the next event tries again. */
		bpf_map_update_elem(&throttle_sources, &source, &first, BPF_NOEXIST);
		return true;
	}
	due = state->due_ns;
	if (due < now)
		due = now;
	if (due - now > throttle_burst * throttle_interval_ns) {
		__sync_fetch_and_add(&state->dropped, count);
		count_errors(ERROR_THROTTLED, count);
		return false;
	}
	state->due_ns = due + throttle_interval_ns;
	return true;
}

#endif
