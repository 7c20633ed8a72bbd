// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Sockets of another network namespace than that of the process that has them open. A network namespace lives
 * as long as one of its sockets, and /proc does not show to which one a socket belongs. Nothing is hooked: reading
 * from the iterator walks over the open files of all processes.
 */

SEC("iter/task_file")
int sockets_iter(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct foreign_socket found = {};
	struct socket *socket;
	struct inode *inode;

	if (!task || !file)
		return 0; /* the end */
	inode = BPF_CORE_READ(file, f_inode);
	if (BPF_CORE_READ(inode, i_sb, s_magic) != SOCKFS_MAGIC)
		return 0;
	socket = BPF_CORE_READ(file, private_data);
	found.net = BPF_CORE_READ(socket, sk, __sk_common.skc_net.net, ns.inum);
	if (!found.net || found.net == BPF_CORE_READ(task, nsproxy, net_ns, ns.inum))
		return 0;
	found.inode = BPF_CORE_READ(inode, i_ino);
	found.tgid = BPF_CORE_READ(task, tgid);
	found.fd = ctx->fd;
	/* If there is no room left, the kernel calls again with more. */
	bpf_seq_write(ctx->meta->seq, &found, sizeof(found));
	return 0;
}
