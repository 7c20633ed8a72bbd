// Package place checks whether nsviz can do its work in the process that it was started as.
package place

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// How many files nsviz opens: with fewer than fewFiles not even Go's runtime works, and those that watch have programs,
// maps and links in the kernel, and files of each container.
const (
	fewFiles   = 32
	watchFiles = 256
)

// Error reports that nsviz cannot do its work here, and what to do about that.
type Error struct{ error }

// CanStart returns an error where nsviz must not or cannot even begin: where it is installed setuid or setgid, or may open hardly
// any files.
func CanStart() error {
	if err := ownIDs().notLent(); err != nil {
		return err
	}
	return enoughFiles(fewFiles)
}

// CanWatch returns an error where this process may not open the files that watching takes.
func CanWatch() error { return enoughFiles(watchFiles) }

// enoughFiles returns an error where this process may not open as many files. Go's runtime has raised the soft limit to
// the hard one by now.
func enoughFiles(wanted uint64) error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("read the limit on open files: %w", err)
	}
	if limit.Cur >= wanted {
		return nil
	}
	return &Error{fmt.Errorf("nsviz may open only %d files, and needs %d here: raise the limit "+
		"(ulimit -n, LimitNOFILE=)", limit.Cur, wanted)}
}

// ids are a process's: the real ones are those of whoever started it, the effective ones are what it may do.
type ids struct{ uid, euid, gid, egid int }

func ownIDs() ids { return ids{os.Getuid(), os.Geteuid(), os.Getgid(), os.Getegid()} }

// notLent returns an error where nsviz is installed setuid or setgid. It would read and write files for whoever starts it, and
// heed that person's environment. Capabilities of the file are another matter: with them it keeps that person's ids.
func (i ids) notLent() error {
	if i.uid == i.euid && i.gid == i.egid {
		return nil
	}
	return &Error{errors.New("nsviz is installed setuid or setgid, and would lend its rights to every user: remove that " +
		"(chmod ug-s), and run it with sudo, or give the file the capabilities that the README names")}
}
