package procfs

import "github.com/nsviz/nsviz/internal/host/pseudofs"

// Arguments holds the command line of a process as /proc/PID/cmdline has it.
type Arguments struct {
	// Text holds the arguments with a zero byte after each, or the title that the process has written over them.
	Text []byte
	// Cut is set if there is more than was asked for.
	Cut bool
	// StartTime is when the process started, in clock ticks since boot. It distinguishes the process from a later one with the
	// same PID.
	StartTime uint64
}

// Arguments reads at most so many bytes of a process's command line. A process that has given its memory back has none. The
// kernel takes the process's mmap_lock for it, so Arguments blocks while another thread holds that lock.
func (r *Reader) Arguments(pid int32, most int) (Arguments, error) {
	dir, err := r.proc.OpenPID(pid)
	if err != nil {
		return Arguments{}, err
	}
	defer dir.Close()
	var space [pseudofs.SmallFile]byte
	stat, err := readStat(dir, space[:])
	if err != nil {
		return Arguments{}, err
	}
	text, err := dir.ReadStart("cmdline", most+1)
	if err != nil {
		return Arguments{}, err
	}
	return Arguments{Text: text[:min(len(text), most)], Cut: len(text) > most, StartTime: stat.StartTime}, nil
}
