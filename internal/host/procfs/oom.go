package procfs

import (
	"bytes"
	"fmt"
	"os"
	"strconv"

	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// OOMTraits holds what the OOM killer judges a process by.
type OOMTraits struct {
	Comm string
	// Pages is what it would free: resident memory, swap and page tables. It is 0 for a process without memory of its own: a
	// kernel thread or one that has ended.
	Pages uint64
	// ScoreAdj is its oom_score_adj, from -1000 (it may not be chosen) to 1000.
	ScoreAdj int
}

// OOMTraits reads what the OOM killer judges a process by.
func (r *Reader) OOMTraits(pid int32) (OOMTraits, error) {
	dir, err := r.proc.OpenPID(pid)
	if err != nil {
		return OOMTraits{}, err
	}
	defer dir.Close()
	var space [pseudofs.SmallFile]byte
	data, err := dir.Read("status", space[:])
	if err != nil {
		return OOMTraits{}, err
	}
	var traits OOMTraits
	if err := traits.parseStatus(data); err != nil {
		return OOMTraits{}, fmt.Errorf("parse %s/status: %w", dir.Path(), err)
	}
	traits.ScoreAdj, err = readInt(dir, "oom_score_adj")
	return traits, err
}

// OOMScore reads how likely the kernel is to choose a process if the whole host runs out of memory: 0 is never, or nearly never.
func (r *Reader) OOMScore(pid int32) (int, error) {
	dir, err := r.proc.OpenPID(pid)
	if err != nil {
		return 0, err
	}
	defer dir.Close()
	return readInt(dir, "oom_score")
}

func readInt(dir pseudofs.Dir, name string) (int, error) {
	var space [pseudofs.SmallFile]byte
	data, err := dir.Read(name, space[:])
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(string(bytes.TrimSpace(data)))
	if err != nil {
		return 0, fmt.Errorf("parse %s/%s: %w", dir.Path(), name, err)
	}
	return n, nil
}

// parseStatus reads the name and the parts of the memory. A process without memory has no such lines.
func (t *OOMTraits) parseStatus(data []byte) error {
	pageKB := uint64(os.Getpagesize() >> 10)
	for line := range bytes.Lines(data) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch string(name) {
		case "Name":
			t.Comm = unescapeComm(bytes.TrimSuffix(bytes.TrimPrefix(value, []byte("\t")), []byte("\n")))
		case "VmRSS", "VmPTE", "VmSwap":
			kB, err := strconv.ParseUint(string(bytes.TrimSuffix(bytes.TrimSpace(value), []byte(" kB"))), 10, 64)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			t.Pages += kB / pageKB
		}
	}
	return nil
}
