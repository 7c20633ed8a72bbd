package terminal

import (
	"os"
	"os/signal"
	"time"

	"golang.org/x/sys/unix"
)

// stopPatience is how long a stop may take to come about. Where there is no shell that could continue the process, the kernel
// ignores it.
const stopPatience = 500 * time.Millisecond

// StopJob stops the process and those of its group, as Ctrl-Z does on a terminal that is not taken over, and returns when they go on.
// It returns false at once if there is no shell to go back to: then the kernel stops nothing.
func StopJob() (stopped bool, err error) {
	continued := make(chan os.Signal, 1)
	signal.Notify(continued, unix.SIGCONT)
	defer signal.Stop(continued)
	// The group: a shell waits for the first process of a pipe, sudo for the one that it runs.
	if err := unix.Kill(0, unix.SIGTSTP); err != nil {
		return false, err
	}
	late := time.NewTimer(stopPatience)
	defer late.Stop()
	select {
	case <-continued:
		return true, nil
	case <-late.C:
	}
	// Both are there after a longer stop.
	select {
	case <-continued:
		return true, nil
	default:
		return false, nil
	}
}
