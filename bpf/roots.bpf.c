// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * How a container gets its root file system: what is mounted, and the change of the root. Nothing is sent; the
 * times are kept with the new cgroup until the container's own program runs.
 */

/* Returns the steps of the start that the current process is part of, or NULL. */
static __always_inline struct start_steps *current_steps(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u64 cgroup_id, failed = 0;
	__u32 mnt = mnt_namespace(task, &failed);

	/* Runtimes mount things for themselves, too, in the host's mount namespace. */
	if (mnt == own_mnt_namespace ||
	    mnt == mnt_namespace(READ(&failed, task, real_parent), &failed)) {
		count_failed(failed);
		return NULL;
	}
	cgroup_id = task_cgroup_id(task, &failed);
	count_failed(failed);
	return bpf_map_lookup_elem(&fresh_cgroups, &cgroup_id);
}

static __always_inline int on_mount(long ret)
{
	struct start_steps *steps;

	if (ret != 0)
		return 0;
	steps = current_steps();
	/* Mounts after the change of the root only hide parts of /proc and /sys. */
	if (!steps || steps->pivoted_ns || steps->chrooted_ns)
		return 0;
	steps->last_mount_ns = bpf_ktime_get_boot_ns();
	if (!steps->first_mount_ns)
		steps->first_mount_ns = steps->last_mount_ns;
	steps->mounts++;
	return 0;
}

static __always_inline int on_pivot_root(long ret)
{
	struct start_steps *steps;

	if (ret != 0)
		return 0;
	steps = current_steps();
	if (steps)
		steps->pivoted_ns = bpf_ktime_get_boot_ns();
	return 0;
}

static __always_inline int on_chroot(long ret)
{
	struct start_steps *steps;

	if (ret != 0)
		return 0;
	steps = current_steps();
	if (steps)
		steps->chrooted_ns = bpf_ktime_get_boot_ns();
	return 0;
}

/* At fexit the arguments come first. These functions have one: the registers. */
#define ON_RETURN(program, call, body)                    \
	SEC("fexit/" SYS(call))                           \
	int program##_fexit(__u64 *ctx)                   \
	{                                                 \
		return body((long)ctx[1]);                \
	}                                                 \
	SEC("kretprobe/" SYS(call))                       \
	int program##_kretprobe(struct pt_regs *ctx)      \
	{                                                 \
		return body(PT_REGS_RC(ctx));             \
	}                                                 \
	SEC("tracepoint/syscalls/sys_exit_" call)         \
	int program##_sys_exit(struct sys_exit_args *ctx) \
	{                                                 \
		return body(ctx->ret);                    \
	}

ON_RETURN(roots_mount, "mount", on_mount)
ON_RETURN(roots_move_mount, "move_mount", on_mount)
ON_RETURN(roots_pivot_root, "pivot_root", on_pivot_root)
ON_RETURN(roots_chroot, "chroot", on_chroot)
