/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The wire format between the BPF programs and internal/probes, and the only one. Go types are
 * generated from it. Fields are ordered by size, padding has a name and is zeroed.
 */
#ifndef NSVIZ_EVENT_H
#define NSVIZ_EVENT_H

#include "kernel.h"

#define COMM_LEN 16
#define CGROUP_PATH_LEN 1024
#define COMMAND_LINE_LEN 256

/* Grows with every change of a layout below. */
enum event_version {
	EVENT_VERSION = 8,
};

enum event_kind {
	EVENT_NAMESPACES = 1,
	EVENT_NAMESPACE_FREED,
	EVENT_CGROUP,
	EVENT_START,
	EVENT_EXIT,
	EVENT_OOM_KILL,
	EVENT_INIT_MOVED,
	EVENT_ENTERED,
};

/* In the order in which nsviz shows them; internal/event counts the same way. */
enum namespace_type {
	NAMESPACE_MNT,
	NAMESPACE_PID,
	NAMESPACE_NET,
	NAMESPACE_IPC,
	NAMESPACE_UTS,
	NAMESPACE_USER,
	NAMESPACE_CGROUP,
	NAMESPACE_TIME,
	NAMESPACE_TYPES,
};

enum namespace_via {
	VIA_CLONE = 1,
	VIA_UNSHARE,
	VIA_SETNS,
};

enum oom_scope {
	OOM_SCOPE_UNKNOWN,
	OOM_SCOPE_CGROUP,
	OOM_SCOPE_SYSTEM,
	OOM_SCOPE_CPUSET,
	OOM_SCOPE_MEMPOLICY,
};

/* Where something went wrong; counted in the map errors. */
enum error_place {
	ERROR_RING_EVENTS,    /* the ring of namespace events was full: an event is lost */
	ERROR_RING_URGENT,    /* the ring of OOM kills and deaths was full: an event is lost */
	ERROR_MAP_CALLS,      /* a call's entry or its return was missed: its result is lost */
	ERROR_MAP_FRESH,      /* no room to remember a new cgroup: a start may be lost */
	ERROR_MAP_INITS,      /* no room to remember a container's init: its exit may be lost */
	ERROR_MAP_OOM,	      /* no room to remember an OOM decision or its signal */
	ERROR_READ,	      /* kernel memory could not be read: a field is unknown */
	ERROR_PATH,	      /* a cgroup's path was too long: user space looks it up by id */
	ERROR_RING_LIFECYCLE, /* the ring of cgroups and starts was full: an event is lost */
	ERROR_THROTTLED,      /* more events than its share from one user in one cgroup */
	ERROR_CMDLINE, /* a process's memory could not be read: its command line is unknown */
	ERROR_PLACES,
};

struct event_header {
	__u16 version;
	__u16 kind; /* enum event_kind */
	__u32 size; /* of the event with its header, bytes */
	__u64 boot_ns;
	__u64 cgroup_id; /* of the acting process, in the tracked hierarchy; 0 unknown */
	__u32 pid;	 /* thread group id of the acting process, as the host counts */
	__u32 tid;
	char comm[COMM_LEN];
};
_Static_assert(sizeof(struct event_header) == 48, "header layout");

/* One call that made or joined namespaces, with all types that it changed. */
struct namespaces_event {
	struct event_header header;
	__u32 via;	 /* enum namespace_via */
	__u32 changed;	 /* bit per enum namespace_type: made (clone, unshare) or joined (setns) */
	__u32 child_pid; /* via clone: the process that was made */
	__u32 uid;	 /* real, of the acting process, as the host counts */
	__u64 took_ns;	 /* the call; 0 via clone, where it is unknown */
	__u32 id[NAMESPACE_TYPES];     /* of all types, after the call */
	__u32 owner[NAMESPACE_TYPES];  /* of the changed ones: the owning user namespace */
	__u32 parent[NAMESPACE_TYPES]; /* of a changed pid or user namespace */
};
_Static_assert(sizeof(struct namespaces_event) == 48 + 24 + 96, "namespaces layout");

struct namespace_freed_event {
	struct event_header header;
	__u32 id;
	__u32 pad;
};
_Static_assert(sizeof(struct namespace_freed_event) == 48 + 8, "freed layout");

struct cgroup_event {
	struct event_header header;
	__u64 id;
	__u32 removed;	/* 0 made, 1 removed */
	__u32 path_len; /* with the final zero byte; 1 where the path is unknown or cut */
	__u32 uid;	/* real, of the acting process, as the host counts */
	__u32 pad;
	char path[CGROUP_PATH_LEN]; /* only path_len bytes are sent */
};
_Static_assert(sizeof(struct cgroup_event) == 48 + 24 + CGROUP_PATH_LEN, "cgroup layout");

/*
 * The steps in a new cgroup before a program of its own ran there. Boot times; 0: it did not happen, or is
 * not watched.
 */
struct start_steps {
	__u64 created_ns;     /* the cgroup itself */
	__u64 entered_ns;     /* the first process was moved into it */
	__u64 first_mount_ns; /* in a mount namespace other than the parent's, like all below */
	__u64 last_mount_ns;  /* before the root was changed */
	__u64 pivoted_ns;     /* pivot_root */
	__u64 chrooted_ns;    /* chroot */
	__u32 mounts;	      /* how many, before the root was changed */
	__u32 pad;
};
_Static_assert(sizeof(struct start_steps) == 48 + 8, "steps layout");

/* The first program of its own in a new cgroup: header is about the process that runs it. */
struct start_event {
	struct event_header header;
	struct start_steps steps;
	__u64 cloned_ns; /* when the process was made, boot time */
	__u32 id[NAMESPACE_TYPES];
};
_Static_assert(sizeof(struct start_event) == 48 + 56 + 8 + 32, "start layout");

/* A signal that a process sent, or the kernel because of it. */
struct sent_signal {
	__u64 boot_ns;
	__u64 cgroup_id; /* of the sender, like all below */
	__u32 pid;	 /* 0: there was no such signal */
	__u32 signal;
	__u32 uid; /* real, as the host counts */
	__u32 pid_namespace_ended; /* 1: the kernel sent it, since the process was PID 1 of the namespace and died */
	char comm[COMM_LEN];
};
_Static_assert(sizeof(struct sent_signal) == 32 + 16, "signal layout");

/* The death of a container's init: header is about the init. */
struct exit_event {
	struct event_header header;
	struct sent_signal latest;  /* of those that end a process */
	struct sent_signal earlier; /* the latest other one before it; it did not end the process */
	__u64 pids_refused; /* how often its cgroup was refused a process, where pids_known */
	__u32 status;	    /* as wait(2) reports it, where status_known */
	__u8 status_known;
	__u8 oom_killed; /* 1: the OOM killer chose it */
	__u8 pids_known;
	__u8 pad;
};
_Static_assert(sizeof(struct exit_event) == 48 + 2 * 48 + 16, "exit layout");

/* A container's init is moved into a cgroup: header is about the process that moves it. */
struct init_moved_event {
	struct event_header header;
	__u64 home; /* the cgroup that the init was started in */
	__u64 to;
	__u32 init; /* its thread group id */
	__u32 pad;
};
_Static_assert(sizeof(struct init_moved_event) == 48 + 24, "init moved layout");

/*
 * The first exec of a process in namespaces that are not its parent's: as a rule somebody enters a container, where it is
 * no start. User space knows whose namespaces they are. header is about the process that executes.
 */
struct entered_event {
	struct event_header header;
	__u64 by_cgroup_id; /* of its parent, as is the rest that begins so */
	__u32 by_pid;
	__u32 by_uid; /* real, as the host counts */
	__u32 uid;    /* of the process itself, likewise */
	__u32 below;  /* 1: it is in a PID namespace below its parent's */
	char by_comm[COMM_LEN];
	__u32 id[NAMESPACE_TYPES];
	__u32 arguments_len;	/* of its command line, bytes; 0 unknown */
	__u16 command_line_len; /* how much of it is in command_line */
	__u16 pad;
	char command_line[COMMAND_LINE_LEN];
};
_Static_assert(sizeof(struct entered_event) == 48 + 24 + 16 + 32 + 8 + COMMAND_LINE_LEN,
	       "entered layout");

/* What could not be read of an OOM kill: its fields are 0. */
enum oom_unread {
	OOM_UNREAD_UID = 1,
	OOM_UNREAD_SCORE_ADJ = 2,
	OOM_UNREAD_DOMAIN = 4, /* limit_pages and usage_pages */
};

/* header is about the trigger: the process that asked for memory. */
struct oom_event {
	struct event_header header;
	__u64 decision; /* boot time of the decision, the same for all of its victims */
	__u64 victim_cgroup_id;
	__u64 domain_cgroup_id; /* the cgroup at its limit; 0 none or unknown */
	__u64 limit_pages;
	__u64 usage_pages;
	__u64 anon_pages;
	__u64 file_pages;
	__u64 shmem_pages;
	__u64 pgtables_bytes;
	__u32 victim_pid;
	__u32 victim_tid;
	__u32 victim_uid;
	__s32 victim_oom_score_adj;
	__u32 scope;	     /* enum oom_scope */
	__u8 victim_is_init; /* of a container that nsviz follows */
	__u8 sizes_known;
	__u8 group;  /* 1: memory.oom.group, all that is in the cgroup is killed */
	__u8 unread; /* bits of enum oom_unread */
	char victim_comm[COMM_LEN];
	char victim_process_comm[COMM_LEN]; /* of its first thread, as is that of the trigger */
	char trigger_process_comm[COMM_LEN];
	__u32 victim_namespaces[NAMESPACE_TYPES]; /* 0 unknown; time: its next child's */
	__u32 arguments_len;	/* of the victim's command line, bytes; 0 unknown */
	__u16 command_line_len; /* how much of it follows */
	__u8 victim_is_early;	/* in a new cgroup in which no program of its own has run */
	__u8 pad;
	char command_line[COMMAND_LINE_LEN]; /* only command_line_len bytes are sent */
};
_Static_assert(sizeof(struct oom_event) == 48 + 72 + 24 + 3 * 16 + 32 + 8 + COMMAND_LINE_LEN,
	       "oom layout");

/* Not an event: a record of the iterator over sockets. */
struct foreign_socket {
	__u64 inode; /* its own, as in socket:[1234] */
	__u32 net;   /* its network namespace */
	__u32 tgid;  /* the process that has it open */
	__u32 fd;
	__u32 pad;
};
_Static_assert(sizeof(struct foreign_socket) == 24, "socket layout");

#endif
