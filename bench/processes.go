package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// background is a program that runs beside a measurement.
type background struct{ cmd *exec.Cmd }

// startUntil starts a program and waits until it has printed ready, on either output.
func startUntil(ready string, name string, args ...string) (*background, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = write, write
	err = cmd.Start()
	_ = write.Close()
	if err != nil {
		return nil, err
	}
	b := &background{cmd: cmd}
	lines := bufio.NewScanner(read)
	for lines.Scan() {
		if strings.Contains(lines.Text(), ready) {
			go func() { _, _ = io.Copy(io.Discard, read) }() // ends with the program
			return b, nil
		}
	}
	_ = cmd.Wait()
	return nil, fmt.Errorf("%s ended before it was ready", name)
}

func (b *background) stop() error {
	if err := b.cmd.Process.Signal(syscall.SIGINT); err != nil {
		return err
	}
	return b.cmd.Wait()
}

// residentKiB returns a process's resident memory.
func residentKiB(pid int) (int, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			return strconv.Atoi(strings.Fields(value)[0])
		}
	}
	return 0, fmt.Errorf("no VmRSS of process %d", pid)
}

// forks runs a loop of n forks, each child ending at once.
func forks(n int) error {
	return exec.Command("perl", "-e", fmt.Sprintf("for (1..%d) { my $p = fork(); exit 0 if !$p; waitpid($p, 0) }", n)).Run()
}

func startNsviz(binary string, flags ...string) (*background, error) {
	return startUntil("watching", binary, append([]string{"serve", "--web.listen-address", "127.0.0.1:10164"}, flags...)...)
}

// bpftraceScript watches the same facts as nsviz does without kprobes: namespaces made and joined,
// OOM victims.
const bpftraceScript = `BEGIN { printf("ready\n") }
tracepoint:sched:sched_process_fork { @parent[args->child_pid] = args->parent_pid }
tracepoint:syscalls:sys_enter_clone { printf("clone %d %s\n", pid, comm) }
tracepoint:syscalls:sys_enter_unshare { printf("unshare %d %s\n", pid, comm) }
tracepoint:syscalls:sys_enter_setns { printf("setns %d %s\n", pid, comm) }
tracepoint:oom:mark_victim { printf("oom %d\n", args->pid) }`

// startBpftrace runs a script that prints ready. bpftrace needs a mounted tracefs: it gets one in a mount
// namespace of its own.
func startBpftrace(script string) (*background, error) {
	return startUntil("ready", "unshare", "--mount", "sh", "-c",
		`mount -t tracefs tracefs /sys/kernel/tracing && exec bpftrace -e "$0"`, script)
}
