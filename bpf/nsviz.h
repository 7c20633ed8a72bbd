/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What all programs share: settings, maps, the header, reading and sending.
 */
#ifndef NSVIZ_H
#define NSVIZ_H

#include "core_compat.h"
#include "event.h"
#include <bpf/bpf_tracing.h>

/* Settings: written by user space before the programs are loaded. */

/*
 * The hierarchy whose cgroups count: 0 (unified) on cgroup v2, else that of the memory controller,
 * since on v1 every hierarchy fires the cgroup tracepoints.
 */
const volatile __u32 tracked_hierarchy = 0;
const volatile bool tracked_is_unified = true;
/*
 * The mount namespace of nsviz itself, as a cheap first filter: no container that nsviz can report
 * shares it.
 */
const volatile __u32 own_mnt_namespace = 0;
/* Whether the command lines of OOM victims and of who enters a container are told: they may hold secrets. */
const volatile bool command_lines = true;
/*
 * Whether user space is still looking for the containers that exist. Until it has found them, a start
 * or an end may be that of a container that the programs do not know, so all of these are sent.
 */
volatile bool settling = true;
/* How much unread data in the rings of events and lifecycle wakes the reader, bytes. */
const volatile __u64 events_watermark = 512 << 10;
const volatile __u64 lifecycle_watermark = 256 << 10;

/*
 * Three rings, by who can fill them. Any user makes namespaces, so those events have a ring of their
 * own. Cgroups and starts share one: without them nsviz does not know which containers there are. OOM
 * kills and deaths are urgent. User space may resize all of them before loading.
 */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 2 << 20);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} lifecycle SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 512 << 10);
} urgent SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, ERROR_PLACES);
	__type(key, __u32);
	__type(value, __u64);
} errors SEC(".maps");

/* Cgroups in which no program of their own has run yet: cgroup id to what has happened there. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct start_steps);
} fresh_cgroups SEC(".maps");

/* The inits of containers, by thread group id. */
struct init {
	__u64 cgroup_id;
	struct sent_signal latest, earlier; /* as in struct exit_event */
	__u32 oom_killed;
	__u32 started; /* whether its exec was sent; 0 if user space found it */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, struct init);
} inits SEC(".maps");

/*
 * State that the reader and the programs share. User space maps it.
 *
 * While the rings are empty the reader sleeps without a timer. It sets asleep and then checks the rings and notices once
 * more. A program first sends, or counts a notice, and then checks asleep. Each side has a full barrier between its two steps,
 * so at least one of them sees what the other did. (A ring's commit is a barrier, and so is the addition to notices on x86. On
 * arm64 an addition without a use of its result is none; there a notice may wait until the reader wakes for another reason.)
 */
struct reader_state {
	__u32 asleep; /* set by the reader, cleared by the program that wakes it */
	__u32 notices; /* how often something happened that is in no ring: an error, a call that has begun */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct reader_state);
} reader SEC(".maps");

/*
 * A function that the verifier follows once, for all possible arguments, which can only be numbers.
 * Inlined, the branches of such functions multiply with every step of the loops around them until
 * the verifier gives up.
 */
#define VERIFIED_ONCE __attribute__((noinline))

/*
 * A function with the part of a program that runs only when its filter lets an event pass. Inlined, that part would stand
 * between the filter and the return, and place them several KiB apart. On hooks that every process of the
 * host passes, most of the cost is to fetch code that other work has evicted from the CPU's caches. Alone, filter
 * and return take one to three cache lines.
 */
#define AFTER_FILTER static __attribute__((noinline))

/*
 * Wakes the reader if it sleeps. A record that is discarded does that and leaves nothing to read. There is no room for it only
 * if the ring is full of records that have woken the reader. asleep is cleared before the wake-up: if the reader has just set
 * it again, the wake-up comes after that.
 */
static __always_inline void wake_reader(struct reader_state *state)
{
	void *nothing;

	if (!*(volatile __u32 *)&state->asleep)
		return;
	nothing = bpf_ringbuf_reserve(&urgent, sizeof(__u64), 0);
	if (!nothing)
		return;
	*(volatile __u32 *)&state->asleep = 0;
	bpf_ringbuf_discard(nothing, BPF_RB_FORCE_WAKEUP);
}

/* Must be called after something was sent that is not urgent. */
VERIFIED_ONCE int sent(void)
{
	struct reader_state *state;
	__u32 zero = 0;

	state = bpf_map_lookup_elem(&reader, &zero);
	if (state)
		wake_reader(state);
	return 0;
}

/* Must be called after something happened that is in no ring and that the reader has to learn. */
VERIFIED_ONCE int notice(void)
{
	struct reader_state *state;
	__u32 zero = 0;

	state = bpf_map_lookup_elem(&reader, &zero);
	if (!state)
		return 0;
	__sync_fetch_and_add(&state->notices, 1);
	wake_reader(state);
	return 0;
}

/* Atomic, because an interrupt may count on this CPU as well. */
static __always_inline void count_errors(__u32 place, __u64 more)
{
	__u64 *n = bpf_map_lookup_elem(&errors, &place);

	if (n)
		__sync_fetch_and_add(n, more);
	notice();
}

static __always_inline void count_error(__u32 place)
{
	count_errors(place, 1);
}

AFTER_FILTER int count_failed_read(void)
{
	count_error(ERROR_READ);
	return 0;
}

/* The kernel's function for a system call. */
#if defined(__TARGET_ARCH_x86)
#define SYS(name) "__x64_sys_" name
#elif defined(__TARGET_ARCH_arm64)
#define SYS(name) "__arm64_sys_" name
#endif

/*
 * FIELD reads ptr->field in the way that the hook allows: where the verifier knows the pointer's
 * type (tp_btf, fentry) by a plain load, which costs next to nothing, elsewhere by a helper.
 * trusted must be a constant, so that only one of the two is compiled.
 */
#define FIELD(trusted, ptr, field)                                                     \
	({                                                                             \
		__typeof__((ptr)->field) __value;                                      \
		if (trusted)                                                           \
			__value = (ptr)->field;                                        \
		else if (bpf_core_read(&__value, sizeof(__value), &(ptr)->field) != 0) \
			count_failed_read();                                           \
		__value;                                                               \
	})

/* Adds the failures of READ to the errors. */
static __always_inline void count_failed(__u64 failed)
{
	if (failed)
		count_errors(ERROR_READ, failed);
}

/* The kernel's id of a cgroup, which is the inode number of its directory; 0 unknown. */
static __always_inline __u64 cgroup_id_of(struct cgroup *cgroup, __u64 *failed)
{
	return READ(failed, cgroup, kn, id);
}

/* Returns a controller's state from an array indexed by enum cgroup_subsys_id. */
static __always_inline struct cgroup_subsys_state *state_in(void *subsys, __u64 controller,
							    __u64 *failed)
{
	struct cgroup_subsys_state *state = NULL;

	*failed += failed_helper(
		bpf_probe_read_kernel(&state, sizeof(state), subsys + controller * sizeof(state)));
	return state;
}

/* Returns task's state in the memory controller; NULL if that is not built in or cannot be read. */
static __always_inline struct cgroup_subsys_state *memory_state(struct task_struct *task,
								__u64 *failed)
{
	struct css_set *set;

	if (!bpf_core_enum_value_exists(enum cgroup_subsys_id, memory_cgrp_id))
		return NULL;
	set = READ(failed, task, cgroups);
	return state_in(__builtin_preserve_access_index(&set->subsys),
			bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id), failed);
}

/*
 * Returns the state of task's own cgroup in the pids controller; NULL if the kernel does not count
 * refusals, or if the controller has no state for that cgroup: then the task has an ancestor's.
 */
static __always_inline struct pids_cgroup *pids_state(struct task_struct *task, __u64 *failed)
{
	struct cgroup_subsys_state *state;
	struct cgroup *cgroup;
	struct css_set *set;

	if (!has_pids_refused())
		return NULL;
	set = READ(failed, task, cgroups);
	state = state_in(__builtin_preserve_access_index(&set->subsys),
			 bpf_core_enum_value(enum cgroup_subsys_id, pids_cgrp_id), failed);
	if (!state || !READ(failed, state, parent)) /* the whole host's */
		return NULL;
	cgroup = READ(failed, state, cgroup);
	if (READ(failed, cgroup, root, hierarchy_id) == 0 && cgroup != READ(failed, set, dfl_cgrp))
		return NULL;
	return (void *)state;
}

/* The cgroup of task in the tracked hierarchy; NULL unknown. */
static __always_inline struct cgroup *task_cgroup(struct task_struct *task, __u64 *failed)
{
	if (tracked_is_unified)
		return READ(failed, task, cgroups, dfl_cgrp);
	if (!bpf_core_enum_value_exists(enum cgroup_subsys_id, memory_cgrp_id))
		return NULL;
	return READ(failed, memory_state(task, failed), cgroup);
}

/* Its id; 0 unknown. */
static __always_inline __u64 task_cgroup_id(struct task_struct *task, __u64 *failed)
{
	if (!tracked_is_unified &&
	    !bpf_core_enum_value_exists(enum cgroup_subsys_id, memory_cgrp_id))
		return 0;
	return cgroup_id_of(task_cgroup(task, failed), failed);
}

/* Fills the header for what the current process does. */
static __always_inline void fill_header(struct event_header *header, __u16 kind, __u32 size,
					__u64 *failed)
{
	__u64 id = bpf_get_current_pid_tgid();

	header->version = EVENT_VERSION;
	header->kind = kind;
	header->size = size;
	header->boot_ns = bpf_ktime_get_boot_ns();
	header->cgroup_id = task_cgroup_id((void *)bpf_get_current_task(), failed);
	header->pid = id >> 32;
	header->tid = (__u32)id;
	bpf_get_current_comm(header->comm, sizeof(header->comm));
}

/*
 * Reads the command line of the process whose memory mm is into a buffer of COMMAND_LINE_LEN bytes, where that is the current
 * one; returns how many bytes. arguments_len is set to how long all of it is. It is read as /proc/PID/cmdline has it
 * (get_mm_cmdline, fs/proc/base.c): where the last byte of the arguments is no zero, the program has written a title over them,
 * perhaps beyond.
 */
static __always_inline __u16 read_command_line(char *into, __u32 *arguments_len,
					       struct mm_struct *mm, __u64 *failed)
{
	struct task_struct *current = (void *)bpf_get_current_task();
	__u64 start, end, len;
	char last;
	long read;

	if (!command_lines || !mm || READ(failed, current, mm) != mm)
		return 0;
	start = READ(failed, mm, arg_start);
	end = READ(failed, mm, arg_end);
	if (end <= start)
		return 0;
	len = end - start;
	if (bpf_probe_read_user(&last, sizeof(last), (void *)(end - 1)) != 0)
		goto unreadable;
	if (last) {
		read = bpf_probe_read_user_str(into, COMMAND_LINE_LEN, (void *)start);
		if (read <= 1)
			goto unreadable;
		*arguments_len = read - 1;
		if (read == COMMAND_LINE_LEN)
			*arguments_len = COMMAND_LINE_LEN; /* and perhaps more */
		return read - 1;
	}
	*arguments_len = len > 0xffffffff ? 0xffffffff : len;
	if (len > COMMAND_LINE_LEN)
		len = COMMAND_LINE_LEN;
	if (bpf_probe_read_user(into, len, (void *)start) == 0)
		return len;
unreadable:
	*arguments_len = 0;
	count_error(ERROR_CMDLINE);
	return 0;
}

/*
 * Events that are not urgent do not wake the reader: a wake-up costs thirty times what the event itself
 * does. The first one wakes a reader that sleeps (sent); then it comes by on a timer, or when the ring has filled up to
 * the watermark. Well above it the reader has long been woken and is late: more wake-ups would only make the flood dearer.
 */
static __always_inline __u64 wakeup_flags(void *ring, __u64 watermark)
{
	__u64 unread = bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA);

	if (unread >= watermark && unread < watermark + watermark / 4)
		return BPF_RB_FORCE_WAKEUP;
	return BPF_RB_NO_WAKEUP;
}

static __always_inline __u64 events_flags(void)
{
	return wakeup_flags(&events, events_watermark);
}

static __always_inline __u64 lifecycle_flags(void)
{
	return wakeup_flags(&lifecycle, lifecycle_watermark);
}

#endif
