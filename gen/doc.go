// Package gen holds the compiled BPF programs and the Go types of their events. Everything in it but
// this file is generated from bpf/ by `make generate` and committed, objects included, so that
// building nsviz needs neither clang nor headers.
package gen

//go:generate go tool bpf2go -cc clang-19 -strip llvm-strip-19 -target amd64,arm64 -type event_header -type namespaces_event -type namespace_freed_event -type cgroup_event -type start_event -type exit_event -type oom_event -type init_moved_event -type entered_event -type foreign_socket -type sent_signal -type init -type namespace_call -type throttle_source -type throttle_state -type oom_unread -type event_version -type event_kind -type namespace_type -type namespace_via -type oom_scope -type error_place -type reader_state Nsviz ../bpf/nsviz.bpf.c -- -I../bpf -O2 -g -Wall -Wextra -Wno-unused-parameter -Werror
