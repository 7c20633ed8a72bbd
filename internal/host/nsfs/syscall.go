package nsfs

import (
	"errors"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// namespaceCalls are the numbers of unshare and setns, also for 32-bit programs on x86 and on arm64.
var namespaceCalls = []int{unix.SYS_UNSHARE, unix.SYS_SETNS, 310, 346, 337, 375}

// InNamespaceCall reports whether a thread is in unshare or setns, or may be: what cannot be read is not known. One that has
// ended is not. Another call may have one of the numbers, depending on the architecture.
func (r *Reader) InNamespaceCall(tid int32) bool {
	dir, err := r.proc.OpenPID(tid)
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	defer dir.Close()
	text, err := dir.Read("syscall", nil)
	if err != nil {
		return !errors.Is(err, unix.ESRCH)
	}
	number, _, _ := strings.Cut(strings.TrimSpace(string(text)), " ") // "running", or -1 where it is in none
	n, err := strconv.Atoi(number)
	return err != nil || slices.Contains(namespaceCalls, n)
}
