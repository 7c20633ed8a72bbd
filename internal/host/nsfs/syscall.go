package nsfs

import (
	"errors"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// namespaceCalls holds the numbers of unshare and setns, also those of 32-bit programs on x86 and arm64.
var namespaceCalls = []int{unix.SYS_UNSHARE, unix.SYS_SETNS, 310, 346, 337, 375}

// InNamespaceCall reports whether a thread is, or may be, in unshare or setns: what cannot be read is unknown. A thread that has
// ended is not. Depending on the architecture, another call may have one of the numbers.
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
	number, _, _ := strings.Cut(strings.TrimSpace(string(text)), " ") // "running", or -1 if it is in no call
	n, err := strconv.Atoi(number)
	return err != nil || slices.Contains(namespaceCalls, n)
}
