package cgroupfs

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestParseNamedEvent(t *testing.T) {
	// As Linux 6.18 wrote it: the handle of a cgroup's directory, and a name padded to a multiple of four.
	event := []byte("\x02\x00\x34\x00" + "\x57\x16\x4d\xf3\x6f\x32\xc5\x1e" + "\x08\x00\x00\x00" + "\xfe\x00\x00\x00" +
		"\x1e\x77\x00\x00\x00\x00\x00\x00" + "memory.limit_in_bytes\x00\x00\x00")
	pidfd := []byte("\x04\x00\x08\x00\x05\x00\x00\x00")
	for name, details := range map[string][]byte{"alone": event, "behind another": append(pidfd, event...)} {
		fsid, handle, file, ok := parseNamedEvent(details)
		if !ok || file != "memory.limit_in_bytes" || handle.Type() != 0xfe || string(handle.Bytes()) != "\x1e\x77\x00\x00\x00\x00\x00\x00" ||
			fsid != (unix.Fsid{Val: [2]int32{-0x0cb2e9a9, 0x1ec5326f}}) {
			t.Errorf("%s: %x, %d %x, %q, %t", name, fsid, handle.Type(), handle.Bytes(), file, ok)
		}
	}
	for n := range event[:len(event)-3] {
		if _, _, file, ok := parseNamedEvent(event[:n]); ok {
			t.Errorf("of %d bytes: %q", n, file)
		}
	}
	broken := append([]byte{}, event...)
	broken[12] = 0xff // the handle is longer than everything
	if _, _, file, ok := parseNamedEvent(broken); ok {
		t.Errorf("with a handle that is too long: %q", file)
	}
}
