// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Whose memory ran out, if the kernel's own decision cannot be hooked: what the state of cgroups, and
 * the memory nodes that a task may use, say of it. No program is here.
 */

/* Cgroups that were found to have run out: id to boot time of the latest decision. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 2048);
	__type(key, __u64);
	__type(value, __u64);
} domains SEC(".maps");

/*
 * A charge that fails has tried to add up to this many pages to a counter (order 3 is the largest
 * that the OOM killer is called for, PAGE_ALLOC_COSTLY_ORDER): the counter may stand that far
 * below its limit. Until the victim is marked, others may have given back some more.
 */
#define CHARGE_PAGES 8
#define GIVEN_BACK(limit) ((limit) / 32)

static __always_inline bool counter_is_full(struct page_counter *counter, __u64 *failed)
{
	__u64 limit = READ(failed, counter, max);

	return READ(failed, counter, usage.counter) + CHARGE_PAGES + GIVEN_BACK(limit) > limit;
}

static __always_inline bool counter_is_over(struct page_counter *counter, __u64 *failed)
{
	return (__u64)READ(failed, counter, usage.counter) > READ(failed, counter, max);
}

#define MEMCG_FULL 1   /* at its limit, or was a moment ago */
#define MEMCG_OVER 2   /* above it */
#define MEMCG_LOCKED 4 /* the OOM killer decides about it, or about one above it */
#define MEMCG_GROUP 8  /* memory.oom.group */
#define MEMCG_RECENT 16

/* For how long threads that ran out together may wait for each other's decisions. */
#define RECENT_NS 1000000000ull

/* Returns the MEMCG_ bits of a cgroup. */
VERIFIED_ONCE int memcg_oom_state(__u64 address)
{
	struct mem_cgroup *memcg = (void *)address;
	__u64 failed = 0, *decided_ns;
	__u64 id = cgroup_id_of(READ(&failed, memcg, css.cgroup), &failed);
	int state = 0;

	if (counter_is_full(__builtin_preserve_access_index(&memcg->memory), &failed))
		state |= MEMCG_FULL;
	if (counter_is_over(__builtin_preserve_access_index(&memcg->memory), &failed))
		state |= MEMCG_OVER;
	if (!tracked_is_unified &&
	    counter_is_full(__builtin_preserve_access_index(&memcg->memsw), &failed))
		state |= MEMCG_FULL;
	if (memcg_oom_lock(memcg, &failed))
		state |= MEMCG_LOCKED;
	if (memcg_oom_group(memcg, &failed))
		state |= MEMCG_GROUP;
	count_failed(failed);
	decided_ns = bpf_map_lookup_elem(&domains, &id);
	if (decided_ns && bpf_ktime_get_boot_ns() - *decided_ns < RECENT_NS)
		state |= MEMCG_RECENT;
	return state;
}

/* css is the first member of struct mem_cgroup, so a state of the controller is one, too. */
static __always_inline struct mem_cgroup *memcg_parent(struct mem_cgroup *memcg, __u64 *failed)
{
	return (struct mem_cgroup *)READ(failed, memcg, css.parent);
}

#define MAX_DEPTH 32

/* Returns the nearest cgroup that both are in or below; 0 none. */
VERIFIED_ONCE __u64 nearest_common(__u64 one, __u64 other)
{
	struct mem_cgroup *a = (void *)one, *b = (void *)other;
	__u64 failed = 0;

	for (int i = 0; i < 2 * MAX_DEPTH && a && b && a != b; i++) {
		int a_level = READ(&failed, a, css.cgroup, level);
		int b_level = READ(&failed, b, css.cgroup, level);

		if (a_level >= b_level)
			a = memcg_parent(a, &failed);
		if (b_level >= a_level)
			b = memcg_parent(b, &failed);
	}
	count_failed(failed);
	return a == b ? (__u64)a : 0;
}

/* Returns the nearest of a cgroup and its ancestors that has a bit in its state; 0 none. */
VERIFIED_ONCE __u64 nearest_with(__u64 address, int bit)
{
	struct mem_cgroup *memcg = (void *)address;
	__u64 failed = 0;

	for (int i = 0; i < MAX_DEPTH && memcg; i++) {
		if (memcg_oom_state((__u64)memcg) & bit)
			return (__u64)memcg;
		memcg = memcg_parent(memcg, &failed);
	}
	count_failed(failed);
	return 0;
}

/* Returns the topmost of them; 0 none. */
VERIFIED_ONCE __u64 topmost_with(__u64 address, int bit)
{
	struct mem_cgroup *memcg = (void *)address;
	__u64 found = 0, failed = 0;

	for (int i = 0; i < MAX_DEPTH && memcg; i++) {
		if (memcg_oom_state((__u64)memcg) & bit)
			found = (__u64)memcg;
		memcg = memcg_parent(memcg, &failed);
	}
	count_failed(failed);
	return found;
}

/* Reports whether one of them up to a domain has the bit; domain 0 is the root. */
VERIFIED_ONCE int has_up_to(__u64 address, int bit, __u64 domain_cgroup_id)
{
	struct mem_cgroup *memcg = (void *)address;
	__u64 failed = 0;

	for (int i = 0; i < MAX_DEPTH && memcg; i++) {
		if (memcg_oom_state((__u64)memcg) & bit)
			return 1;
		if (domain_cgroup_id &&
		    cgroup_id_of(READ(&failed, memcg, css.cgroup), &failed) == domain_cgroup_id)
			return 0;
		memcg = memcg_parent(memcg, &failed);
	}
	count_failed(failed);
	return 0;
}

/*
 * Returns the cgroup that ran out, if the decision cannot be hooked; 0: none did. The victim and the
 * trigger are usually in it or below. Of these cgroups it is the topmost one that is locked for a
 * decision. A thread that finds another one deciding goes on without the lock: then it is the nearest
 * full one. Two kinds of trigger are outside: one lowers a limit, which leaves the usage above it, the
 * other touches the victim's memory, which takes the lock. The last case is a thread that had to wait
 * for another one's decision, whose victim has given back its memory by now: then it is the nearest
 * cgroup with a recent decision.
 */
static __always_inline __u64 find_domain(__u64 of_victim, __u64 of_trigger)
{
	__u64 common = nearest_common(of_victim, of_trigger), domain;

	domain = topmost_with(common, MEMCG_LOCKED);
	if (!domain)
		domain = nearest_with(common, MEMCG_FULL);
	if (!domain)
		domain = nearest_with(of_victim, MEMCG_OVER);
	if (!domain)
		domain = topmost_with(of_victim, MEMCG_LOCKED);
	if (!domain)
		domain = nearest_with(of_victim, MEMCG_RECENT);
	return domain;
}

/* include/linux/numa.h: no configuration has more than 1,024 nodes. */
#define MAX_NODE_WORDS 16

/* css is the first member of struct cpuset, too. */
static __always_inline struct cpuset *topmost_cpuset(struct task_struct *task, __u64 *failed)
{
	__u64 controller = bpf_core_enum_value(enum cgroup_subsys_id, cpuset_cgrp_id);
	struct css_set *set = READ(failed, task, cgroups);
	struct cgroup_subsys_state *own;
	struct cgroup_root *root;

	own = state_in(__builtin_preserve_access_index(&set->subsys), controller, failed);
	root = READ(failed, own, cgroup, root);
	return (void *)state_in(__builtin_preserve_access_index(&root->cgrp.subsys), controller,
				failed);
}

/*
 * Returns whose memory ran out if no cgroup's did, as constrained_alloc (mm/oom_kill.c) finds it: the
 * nodes that the trigger is bound to, those that its cpuset allows, or all that have memory, which
 * are those of the topmost cpuset (cpuset_init_smp, cpuset_track_online_nodes). A policy counts if
 * the cpuset allows some of its nodes (policy_nodemask, mm/mempolicy.c). Two properties of the
 * allocation are unknown here: a policy of the memory that is touched (mbind), and that memory for
 * the kernel itself may come from any node, whatever the cpuset.
 */
VERIFIED_ONCE int scope_of_nodes(__u64 address)
{
	struct task_struct *trigger = (void *)address;
	__u64 with_memory, allowed, bound;
	/* Sets of nodes; only whether they are empty matters. Bits need no branches to verify. */
	__u64 usable = 0, outside_policy = 0, outside_cpuset = 0;
	struct mempolicy *policy;
	__u64 failed = 0;

	if (!has_memory_nodes())
		return OOM_SCOPE_SYSTEM;
	with_memory = (__u64)__builtin_preserve_access_index(
		&topmost_cpuset(trigger, &failed)->effective_mems);
	allowed = (__u64)__builtin_preserve_access_index(&trigger->mems_allowed);
	policy = READ(&failed, trigger, mempolicy);
	bound = with_memory;
	if (policy && READ(&failed, policy, mode) == MPOL_BIND)
		bound = policy_nodes(policy);

	for (__u32 i = 0; i < MAX_NODE_WORDS; i++) {
		__u64 memory = 0, in_cpuset = 0, in_policy = 0, at = i * sizeof(memory);

		if (at >= bpf_core_field_size(trigger->mems_allowed))
			break;
		failed += failed_helper(
			bpf_probe_read_kernel(&memory, sizeof(memory), (void *)(with_memory + at)));
		failed += failed_helper(
			bpf_probe_read_kernel(&in_cpuset, sizeof(memory), (void *)(allowed + at)));
		failed += failed_helper(
			bpf_probe_read_kernel(&in_policy, sizeof(memory), (void *)(bound + at)));
		outside_cpuset |= memory & ~in_cpuset;
		outside_policy |= memory & ~in_policy;
		usable |= in_policy & in_cpuset;
	}
	if (failed) {
		count_failed(failed);
		return OOM_SCOPE_UNKNOWN;
	}
	if (usable && outside_policy)
		return OOM_SCOPE_MEMPOLICY;
	return outside_cpuset ? OOM_SCOPE_CPUSET : OOM_SCOPE_SYSTEM;
}
