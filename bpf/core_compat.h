/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Differences between kernels, each with its reason. They are recognized by type or field, never by
 * version, because distributions backport.
 */
#ifndef NSVIZ_CORE_COMPAT_H
#define NSVIZ_CORE_COMPAT_H

#include "read.h"

/* include/linux/mm_types_task.h */
enum { MM_FILEPAGES, MM_ANONPAGES, MM_SWAPENTS, MM_SHMEMPAGES, NR_MM_COUNTERS };

/*
 * mm->rss_stat was a struct of atomics up to 6.1 and is an array of per-CPU counters since
 * f1a7941243c1 ("mm: convert mm's rss stats into percpu_counter"). Of the latter only the common
 * part is read. Each CPU may have up to a batch of pages that are not yet added to it. At first the kernel
 * did the same for its "Killed process" line (get_mm_counter in mm/oom_kill.c); 7.2 adds them all up.
 */
struct mm_rss_stat {
	atomic_long_t count[NR_MM_COUNTERS];
} KERNEL_TYPE;
struct mm_struct___atomic {
	struct mm_rss_stat rss_stat;
} KERNEL_TYPE;
struct percpu_counter {
	__s64 count;
} KERNEL_TYPE;
struct mm_struct___percpu {
	struct percpu_counter rss_stat[NR_MM_COUNTERS];
} KERNEL_TYPE;

static __always_inline __u64 mm_counter(struct mm_struct *mm, int member, __u64 *failed)
{
	__s64 pages = 0;

	if (bpf_core_type_exists(struct mm_rss_stat)) {
		struct mm_struct___atomic *old = (void *)mm;

		if (member == MM_FILEPAGES)
			pages = READ(failed, old, rss_stat.count[MM_FILEPAGES].counter);
		else if (member == MM_ANONPAGES)
			pages = READ(failed, old, rss_stat.count[MM_ANONPAGES].counter);
		else
			pages = READ(failed, old, rss_stat.count[MM_SHMEMPAGES].counter);
	} else {
		struct mm_struct___percpu *new = (void *)mm;

		if (member == MM_FILEPAGES)
			pages = READ(failed, new, rss_stat[MM_FILEPAGES].count);
		else if (member == MM_ANONPAGES)
			pages = READ(failed, new, rss_stat[MM_ANONPAGES].count);
		else
			pages = READ(failed, new, rss_stat[MM_SHMEMPAGES].count);
	}
	/* The common part of a per-CPU counter may be below zero for a moment. */
	return pages < 0 ? 0 : pages;
}

/*
 * time namespaces came with 5.6 and depend on CONFIG_TIME_NS; without them nsproxy has no such
 * field, and the type stays unknown.
 */
static __always_inline bool has_time_namespaces(void)
{
	return bpf_core_field_exists(((struct nsproxy *)0)->time_ns_for_children);
}

/* memory.oom.group is of cgroup v2 only, since 4.19; kernels built without MEMCG_V1 keep it too. */
static __always_inline bool memcg_oom_group(struct mem_cgroup *memcg, __u64 *failed)
{
	if (!bpf_core_field_exists(memcg->oom_group))
		return false;
	return READ(failed, memcg, oom_group);
}

/*
 * Set on a cgroup and on everything below it while the OOM killer decides about that cgroup
 * (mem_cgroup_oom_trylock), on cgroup v2 as well. Kernels since 6.11 that are built without
 * CONFIG_MEMCG_V1 do not have it.
 */
static __always_inline bool memcg_oom_lock(struct mem_cgroup *memcg, __u64 *failed)
{
	if (!bpf_core_field_exists(memcg->oom_lock))
		return false;
	return READ(failed, memcg, oom_lock);
}

/*
 * The ids of a cgroup's ancestors, from the root down to itself, by level; pointers to them since 6.1, 7f203bc89eb6
 * ("cgroup: Replace cgroup->ancestor_ids[] with ->ancestors[]").
 */
struct cgroup___ids {
	__u64 ancestor_ids[1]; /* really level + 1 */
} KERNEL_TYPE;
struct cgroup___pointers {
	struct cgroup *ancestors[1];
} KERNEL_TYPE;

/* Returns the id of a cgroup's ancestor at a level, or its own if it is not below that; 0 unknown. */
static __always_inline __u64 cgroup_ancestor_id(struct cgroup *cgroup, __u32 level, __u64 *failed)
{
	__u32 own = READ(failed, cgroup, level);
	struct cgroup *ancestor = NULL;
	__u64 at, id = 0;

	at = (own < level ? own : level) * sizeof(id);
	if (bpf_core_field_exists(((struct cgroup___ids *)0)->ancestor_ids)) {
		at += (__u64)__builtin_preserve_access_index(
			&((struct cgroup___ids *)cgroup)->ancestor_ids);
		*failed += failed_helper(bpf_probe_read_kernel(&id, sizeof(id), (void *)at));
		return id;
	}
	at += (__u64)__builtin_preserve_access_index(
		&((struct cgroup___pointers *)cgroup)->ancestors);
	*failed += failed_helper(bpf_probe_read_kernel(&ancestor, sizeof(ancestor), (void *)at));
	return READ(failed, ancestor, kn, id);
}

/* mempolicy depends on CONFIG_NUMA, mems_allowed and cpusets on CONFIG_CPUSETS. */
static __always_inline bool has_memory_nodes(void)
{
	return bpf_core_field_exists(((struct task_struct *)0)->mempolicy) &&
	       bpf_core_field_exists(((struct task_struct *)0)->mems_allowed) &&
	       bpf_core_enum_value_exists(enum cgroup_subsys_id, cpuset_cgrp_id);
}

/*
 * Where the nodes of a policy are, a nodemask_t: in a union v up to 5.13, before 269fbe72cded
 * ("mm/mempolicy: use unified 'nodes' for bind/interleave/prefer policies").
 */
struct mempolicy___union {
	union {
		nodemask_t nodes;
	} v;
} KERNEL_TYPE;

static __always_inline __u64 policy_nodes(struct mempolicy *policy)
{
	if (bpf_core_field_exists(policy->nodes))
		return (__u64)__builtin_preserve_access_index(&policy->nodes);
	return (__u64)__builtin_preserve_access_index(
		&((struct mempolicy___union *)policy)->v.nodes);
}

/*
 * How often the pids controller has refused a fork. Up to 6.10 it counted that in the cgroup of the forking process.
 * Since 6.11, which has pids.events.local, there are two counts: that one, which cgroup v1 shows, and how often the limit
 * of a cgroup itself was reached, by any process in it or below, which v2 shows. One may have what the other does not
 * have.
 */
struct pids_cgroup___single {
	atomic64_t events_limit;
} KERNEL_TYPE;

enum pidcg_event {
	PIDCG_MAX,
	PIDCG_FORKFAIL,
};
struct pids_cgroup___double {
	atomic64_t events[2];	    /* of it and of those below it */
	atomic64_t events_local[2]; /* of it alone */
} KERNEL_TYPE;

static __always_inline bool has_pids_refused(void)
{
	return bpf_core_enum_value_exists(enum cgroup_subsys_id, pids_cgrp_id) &&
	       (bpf_core_field_exists(((struct pids_cgroup___single *)0)->events_limit) ||
		bpf_core_field_exists(((struct pids_cgroup___double *)0)->events_local));
}

static __always_inline __u64 pids_refused(struct pids_cgroup *pids, __u64 *failed)
{
	__s64 forks, limits;

	if (bpf_core_field_exists(((struct pids_cgroup___single *)0)->events_limit))
		return READ(failed, (struct pids_cgroup___single *)pids, events_limit.counter);
	forks = READ(failed, (struct pids_cgroup___double *)pids,
		     events_local[PIDCG_FORKFAIL].counter);
	limits = READ(failed, (struct pids_cgroup___double *)pids, events[PIDCG_MAX].counter);
	return forks > limits ? forks : limits;
}

#endif
