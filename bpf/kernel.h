/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Everything of the kernel that nsviz depends on: the types, and of each type only the fields that
 * are read. The offsets are found at load time from the running kernel's BTF (CO-RE), so the order
 * and the completeness of these declarations do not matter; their names do. Fields whose place or
 * type differs between kernels are in core_compat.h.
 */
#ifndef NSVIZ_KERNEL_H
#define NSVIZ_KERNEL_H

/* Tells libbpf's bpf_tracing.h that struct pt_regs below has the kernel's field names. */
#define __VMLINUX_H__

typedef unsigned char __u8;
typedef signed short __s16;
typedef unsigned short __u16;
typedef signed int __s32;
typedef unsigned int __u32;
typedef signed long long __s64;
typedef unsigned long long __u64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef _Bool bool;

#define true 1
#define false 0
#define NULL ((void *)0)

/* include/uapi/linux/bpf.h: stable numbers. */
enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_RINGBUF = 27,
};
enum { BPF_ANY = 0, BPF_NOEXIST = 1 };
enum { BPF_F_MMAPABLE = 1 << 10 };
enum { BPF_RB_NO_WAKEUP = 1, BPF_RB_FORCE_WAKEUP = 2 };
enum { BPF_RB_AVAIL_DATA = 0 };

/* include/uapi/asm-generic/signal.h */
#define SIGHUP 1
#define SIGINT 2
#define SIGQUIT 3
#define SIGABRT 6
#define SIGKILL 9
#define SIGUSR1 10
#define SIGUSR2 12
#define SIGTERM 15
#define SIGWINCH 28
#define SIGRTMIN_3 37 /* SIGRTMIN+3, as libc counts */
/* include/trace/events/signal.h */
#define TRACE_SIGNAL_DELIVERED 0
#define TRACE_SIGNAL_IGNORED 1
#define TRACE_SIGNAL_LOSE_INFO 4
/* include/linux/sched/signal.h: who sends, in place of a siginfo; a process's flags. */
#define SEND_SIG_NOINFO 0
#define SEND_SIG_PRIV 1
#define SIGNAL_GROUP_EXIT 0x00000004
/* include/linux/sched.h: the flag of a task that exits. */
#define PF_EXITING 0x00000004

#define KERNEL_TYPE __attribute__((preserve_access_index))

typedef struct {
	int counter;
} atomic_t;
typedef struct {
	long counter;
} atomic_long_t;
typedef struct {
	__s64 counter;
} atomic64_t;
typedef struct {
	unsigned int val;
} kuid_t;

/* Namespaces. */
struct ns_common {
	unsigned int inum;
} KERNEL_TYPE;

struct user_namespace {
	struct user_namespace *parent;
	int level;    /* below the host's, which is at 0 */
	kuid_t owner; /* who made it, as the host counts */
	struct ns_common ns;
} KERNEL_TYPE;

struct uts_namespace {
	struct user_namespace *user_ns;
	struct ns_common ns;
} KERNEL_TYPE;

struct ipc_namespace {
	struct user_namespace *user_ns;
	struct ns_common ns;
} KERNEL_TYPE;

struct mnt_namespace {
	struct user_namespace *user_ns;
	struct ns_common ns;
} KERNEL_TYPE;

struct pid_namespace {
	struct task_struct *child_reaper; /* its PID 1 */
	struct pid_namespace *parent;
	struct user_namespace *user_ns;
	struct ns_common ns;
} KERNEL_TYPE;

struct net {
	struct user_namespace *user_ns;
	struct ns_common ns;
} KERNEL_TYPE;

struct time_namespace {
	struct user_namespace *user_ns;
	struct ns_common ns;
} KERNEL_TYPE;

struct cgroup_namespace {
	struct user_namespace *user_ns;
	struct ns_common ns;
} KERNEL_TYPE;

struct nsproxy {
	struct uts_namespace *uts_ns;
	struct ipc_namespace *ipc_ns;
	struct mnt_namespace *mnt_ns;
	struct pid_namespace *pid_ns_for_children;
	struct net *net_ns;
	struct time_namespace *time_ns_for_children;
	struct cgroup_namespace *cgroup_ns;
} KERNEL_TYPE;

struct cred {
	kuid_t uid;
	struct user_namespace *user_ns;
} KERNEL_TYPE;

/* Cgroups. */
struct kernfs_node {
	__u64 id;
} KERNEL_TYPE;

struct cgroup {
	struct kernfs_node *kn;
	struct cgroup_root *root;
	struct cgroup_subsys_state *subsys[1]; /* really CGROUP_SUBSYS_COUNT */
	int level;			       /* how deep below the root */
} KERNEL_TYPE;

struct cgroup_root {
	struct cgroup cgrp; /* the topmost one */
	int hierarchy_id;
} KERNEL_TYPE;

struct cgroup_subsys_state {
	struct cgroup *cgroup;
	struct cgroup_subsys_state *parent;
} KERNEL_TYPE;

/* The values depend on the kernel's configuration; CO-RE supplies them. */
enum cgroup_subsys_id {
	cpuset_cgrp_id,
	memory_cgrp_id,
	pids_cgrp_id,
};

struct css_set {
	struct cgroup_subsys_state *subsys[1]; /* really CGROUP_SUBSYS_COUNT */
	struct cgroup *dfl_cgrp;
} KERNEL_TYPE;

struct page_counter {
	atomic_long_t usage; /* pages */
	unsigned long max;   /* pages; PAGE_COUNTER_MAX is no limit */
} KERNEL_TYPE;

struct mem_cgroup {
	struct cgroup_subsys_state css; /* the first member, since there are memory cgroups */
	struct page_counter memory;
	struct page_counter memsw; /* cgroup v1: memory and swap together */
	bool oom_group;
	bool oom_lock;
} KERNEL_TYPE;

/* Memory nodes (NUMA), a bit each. */
typedef struct {
	unsigned long bits[1]; /* really as many as the kernel may have nodes for */
} nodemask_t;

/* include/uapi/linux/mempolicy.h */
#define MPOL_BIND 2

struct mempolicy {
	unsigned short mode;
	nodemask_t nodes;
} KERNEL_TYPE;

struct cpuset {
	struct cgroup_subsys_state css; /* the first member, since there are cgroups */
	nodemask_t effective_mems;
} KERNEL_TYPE;

struct pids_cgroup {
	struct cgroup_subsys_state css; /* the first member, since there is the controller */
} KERNEL_TYPE;

/* Tasks. */
struct upid {
	struct pid_namespace *ns;
} KERNEL_TYPE;

struct pid {
	unsigned int level;	/* of the namespace that it is of */
	struct upid numbers[1]; /* really one for each level, the host's first */
} KERNEL_TYPE;

struct mm_struct {
	atomic_long_t pgtables_bytes;
	unsigned long arg_start; /* where the command line is, in the process's own memory */
	unsigned long arg_end;
} KERNEL_TYPE;

struct signal_struct {
	atomic_t live; /* threads that have not begun to exit */
	int group_exit_code;
	unsigned int flags;
	short oom_score_adj;
	struct mm_struct *oom_mm;
} KERNEL_TYPE;

struct task_struct {
	int pid;
	int tgid;
	int exit_code;
	unsigned int flags;
	struct pid *thread_pid;
	__u64 start_boottime; /* when it was made, ns */
	char comm[16];
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	struct nsproxy *nsproxy;
	struct cred *real_cred; /* cred is what the task may pose as for the length of a call */
	struct css_set *cgroups;
	struct signal_struct *signal;
	struct mm_struct *mm;
	struct mempolicy *mempolicy;
	nodemask_t mems_allowed;
} KERNEL_TYPE;

struct linux_binprm;

struct kernel_siginfo {
	int si_code;
} KERNEL_TYPE;

/* include/linux/oom.h */
enum oom_constraint {
	CONSTRAINT_NONE,
	CONSTRAINT_CPUSET,
	CONSTRAINT_MEMORY_POLICY,
	CONSTRAINT_MEMCG,
};

struct oom_control {
	struct mem_cgroup *memcg;
	enum oom_constraint constraint;
} KERNEL_TYPE;

/* Files and sockets. */
/* include/uapi/linux/magic.h */
#define SOCKFS_MAGIC 0x534F434B

struct super_block {
	unsigned long s_magic;
} KERNEL_TYPE;

struct inode {
	unsigned long i_ino;
	struct super_block *i_sb;
} KERNEL_TYPE;

struct file {
	struct inode *f_inode;
	void *private_data; /* of a socket, its struct socket */
} KERNEL_TYPE;

typedef struct {
	struct net *net;
} KERNEL_TYPE possible_net_t;

struct sock_common {
	possible_net_t skc_net;
} KERNEL_TYPE;

struct sock {
	struct sock_common __sk_common;
} KERNEL_TYPE;

struct socket {
	struct sock *sk;
} KERNEL_TYPE;

/* What an iterator's program is given (include/linux/bpf.h, kernel/bpf/task_iter.c). */
struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
} KERNEL_TYPE;

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	__u32 fd;
	struct file *file;
} KERNEL_TYPE;

/* Registers at a kprobe: only what PT_REGS_PARM1 and PT_REGS_RC need. */
#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long ax;
	unsigned long di;
} KERNEL_TYPE;
#elif defined(__TARGET_ARCH_arm64)
struct pt_regs {
	unsigned long regs[31];
} KERNEL_TYPE;
struct user_pt_regs {
	unsigned long regs[31];
} KERNEL_TYPE;
#endif

/* What the tracepoint at the return of a system call passes on, as tracefs describes it: stable. */
struct sys_exit_args {
	__u64 common;
	long id;
	long ret;
};

/* The argument of a raw tracepoint. */
struct bpf_raw_tracepoint_args {
	__u64 args[0];
};

#endif
