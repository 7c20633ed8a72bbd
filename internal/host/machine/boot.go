package machine

import (
	"bytes"

	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// BootID returns the random id that the kernel has chosen for this boot.
func (r *Reader) BootID() (string, error) {
	data, err := pseudofs.ReadFile(r.proc.File("sys/kernel/random/boot_id"), nil)
	return string(bytes.TrimSpace(data)), err
}
