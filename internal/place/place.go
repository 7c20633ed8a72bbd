// Package place checks whether nsviz can do its work in the process that it was started as.
package place

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Limits on open files. With fewer than fewFiles not even Go's runtime works. Watching needs watchFiles: for programs, maps and
// links in the kernel, and for files of each container.
const (
	fewFiles   = 32
	watchFiles = 256
)

// Error reports that nsviz cannot work here, and what to do about it.
type Error struct{ error }

// CanStart returns an error if nsviz must not or cannot even begin: it is installed setuid or setgid, or may open hardly any
// files.
func CanStart() error {
	if err := ownIDs().notLent(); err != nil {
		return err
	}
	return enoughFiles(fewFiles)
}

// CanWatch returns an error if this process may not open the files that watching needs.
func CanWatch() error { return enoughFiles(watchFiles) }

// enoughFiles returns an error if this process may open fewer files than wanted. Go's runtime has already raised the soft limit
// to the hard one.
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

// ids are a process's: the real ones identify who started it, the effective ones decide what it may do.
type ids struct{ uid, euid, gid, egid int }

func ownIDs() ids { return ids{os.Getuid(), os.Geteuid(), os.Getgid(), os.Getegid()} }

// notLent returns an error if nsviz is installed setuid or setgid. It would read and write files for whoever starts it, and use
// that person's environment. Capabilities of the file are allowed: with them it keeps that person's ids.
func (i ids) notLent() error {
	if i.uid == i.euid && i.gid == i.egid {
		return nil
	}
	return &Error{errors.New("nsviz is installed setuid or setgid, and would lend its rights to every user: remove that " +
		"(chmod ug-s), and run it with sudo, or give the file the capabilities that docs/INSTALL.md lists")}
}
