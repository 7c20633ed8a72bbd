/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Reading kernel memory so that a failure shows.
 */
#ifndef NSVIZ_READ_H
#define NSVIZ_READ_H

#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

/* Returns 1 if a helper returned an error, which is negative. */
static __always_inline __u64 failed_helper(long ret)
{
	barrier_var(ret);
	return (__u64)ret >> 63;
}

/*
 * READ reads src->a->b->... from kernel memory. If a step cannot be read, the value is 0 and *failed grows
 * by one; count_failed adds these failures to the errors, once per program. There is no branch, since each
 * one would double the paths that the verifier follows.
 */
#define READ(failed, src, a, ...)                                                   \
	({                                                                          \
		___type((src), a, ##__VA_ARGS__) __value;                           \
		long __ret = BPF_CORE_READ_INTO(&__value, (src), a, ##__VA_ARGS__); \
		*(failed) += failed_helper(__ret);                                  \
		__value;                                                            \
	})

#endif
