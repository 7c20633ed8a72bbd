package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// These variables select what the test's program does in a process of its own: wait for a signal, or be nsviz.
const (
	waitUntilSignalled = "NSVIZ_TEST_WAIT"
	beNsviz            = "NSVIZ_TEST_RUN"
)

func TestMain(m *testing.M) {
	switch {
	case os.Getenv(beNsviz) != "":
		os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
	case os.Getenv(waitUntilSignalled) == "":
		os.Exit(m.Run())
	}
	ctx, stop := untilSignalled(context.Background())
	fmt.Println("ready")
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	<-ctx.Done()
	os.Exit(0)
}

// A signal that nohup or a shell has set to be ignored stays ignored, as the kernel shows; any other one ends nsviz.
func TestSignalsThatAreIgnored(t *testing.T) {
	for _, tt := range []struct {
		ignore string // for trap
		signal syscall.Signal
		ends   bool
	}{
		{"HUP", syscall.SIGHUP, false},
		{"HUP", syscall.SIGTERM, true},
		{"INT QUIT", syscall.SIGINT, false},
		{"INT QUIT", syscall.SIGQUIT, false},
		{"INT QUIT", syscall.SIGHUP, true},
		{"HUP INT QUIT TERM", syscall.SIGQUIT, false},
		{"HUP INT QUIT TERM", syscall.SIGTERM, true},
		{"USR1", syscall.SIGQUIT, true},
	} {
		t.Run(tt.ignore+"/"+tt.signal.String(), func(t *testing.T) {
			// A shell cannot trap what is ignored when it starts, as under nohup.
			cmd := exec.Command("env", "--default-signal", "sh", "-c", `trap '' `+tt.ignore+`; exec "$0"`, os.Args[0])
			cmd.Env = append(os.Environ(), waitUntilSignalled+"=yes")
			stdin, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			stdout, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if line, err := readLine(stdout); line != "ready" {
				t.Fatalf("%q, %v", line, err)
			}
			if ignored := ignores(t, cmd.Process.Pid, tt.signal); ignored == tt.ends {
				t.Errorf("ignored: %t", ignored)
			}
			if tt.ends {
				if err := cmd.Process.Signal(tt.signal); err != nil {
					t.Fatal(err)
				}
			} else {
				_ = stdin.Close()
			}
			if err := cmd.Wait(); err != nil {
				t.Error(err)
			}
		})
	}
}

// ignores reports whether a process ignores a signal, by the kernel.
func ignores(t *testing.T, pid int, s syscall.Signal) bool {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	var mask uint64
	_, rest, _ := strings.Cut(string(status), "\nSigIgn:")
	if _, err := fmt.Sscanf(rest, "%x", &mask); err != nil {
		t.Fatalf("%v in %s", err, status)
	}
	return mask&(1<<(s-1)) != 0
}

// runWith runs nsviz with a variable in its environment and returns its output.
func runWith(t *testing.T, variable string, args ...string) string {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), beNsviz+"=yes", variable)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("nsviz %v: %v\n%s", args, err, out)
	}
	return string(out)
}

func readLine(r io.Reader) (string, error) {
	var line []byte
	for b := make([]byte, 1); ; {
		if _, err := r.Read(b); err != nil || b[0] == '\n' {
			return string(line), err
		}
		line = append(line, b[0])
	}
}
