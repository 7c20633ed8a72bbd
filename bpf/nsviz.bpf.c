// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * All programs are compiled into one object, because they share rings, settings and the maps that
 * hold a container's init. The order follows their dependencies.
 */
#include "nsviz.h"
#include "throttle.h"

#include "namespaces.bpf.c"
#include "cgroups.bpf.c"
#include "lifecycle.bpf.c"
#include "roots.bpf.c"
#include "oom_domain.bpf.c"
#include "oom.bpf.c"
#include "sockets.bpf.c"

/* The helpers that read kernel memory are for GPL-compatible programs only. */
char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Only referenced types get into the BTF from which the Go types are generated. */
const struct namespaces_event *namespaces_event_type __attribute__((unused));
const struct namespace_freed_event *namespace_freed_event_type __attribute__((unused));
const struct cgroup_event *cgroup_event_type __attribute__((unused));
const struct start_event *start_event_type __attribute__((unused));
const struct exit_event *exit_event_type __attribute__((unused));
const struct foreign_socket *foreign_socket_type __attribute__((unused));
const struct oom_event *oom_event_type __attribute__((unused));
const struct init_moved_event *init_moved_event_type __attribute__((unused));
const struct entered_event *entered_event_type __attribute__((unused));
const enum event_version *event_version_type __attribute__((unused));
const enum event_kind *event_kind_type __attribute__((unused));
const enum namespace_type *namespace_type_type __attribute__((unused));
const enum namespace_via *namespace_via_type __attribute__((unused));
const enum oom_scope *oom_scope_type __attribute__((unused));
const enum error_place *error_place_type __attribute__((unused));
const enum oom_unread *oom_unread_type __attribute__((unused));
