//go:build root

package ondisk

import (
	"testing"

	"golang.org/x/sys/unix"
)

// A device in place of a file, such as one that never ends, is not read.
func TestDeviceInPlaceOfAFile(t *testing.T) {
	for _, file := range stateFiles() {
		h := newHost(t)
		if err := unix.Mknod(file.put(h), unix.S_IFCHR|0o644, int(unix.Mkdev(1, 5))); err != nil { // /dev/zero
			t.Fatal(err)
		}
		if got, ok := identify(t, h.source(), file.id); ok {
			t.Errorf("%s: %+v", file.path, got)
		}
	}
}
