/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Reading kernel memory so that a failure shows.
 */
#ifndef NSVIZ_READ_H
#define NSVIZ_READ_H

#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

/* 1 where a helper returned an error, a number below 0. */
static __always_inline __u64 failed_helper(long ret)
{
	barrier_var(ret);
	return (__u64)ret >> 63;
}

/*
 * READ reads src->a->b->... of kernel memory. Where a step of the way cannot be read the value is 0 and
 * *failed grows by one; count_failed counts what has gathered there, once per program. There is no branch,
 * since each one would double what the verifier follows.
 */
#define READ(failed, src, a, ...)                                                   \
	({                                                                          \
		___type((src), a, ##__VA_ARGS__) __value;                           \
		long __ret = BPF_CORE_READ_INTO(&__value, (src), a, ##__VA_ARGS__); \
		*(failed) += failed_helper(__ret);                                  \
		__value;                                                            \
	})

#endif
