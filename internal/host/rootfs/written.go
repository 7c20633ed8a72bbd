package rootfs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// Written is what is in the upper layer of an overlayfs.
type Written struct {
	// Bytes is the length of the regular files, each counted once however many links it has.
	Bytes uint64
	// Files is how many files there are that are no directories.
	Files int
	// Deleted is how many names of the layers below are covered up, as overlayfs does for what is
	// deleted.
	Deleted int
	// Stopped says why the count ended early; "" is that it is complete.
	Stopped string
}

// maxDepth bounds how deep folders are followed, a name each that is held open.
const maxDepth = 64

// Written counts what is in a folder of the host, at most so many entries and until ctx ends. Nothing
// leads it out of the folder: those who live in there may replace folders by symbolic links meanwhile.
func (r *Reader) Written(ctx context.Context, dir string, entries int) (Written, error) {
	root, err := r.openHostRoot(dir)
	if err != nil {
		return Written{}, fmt.Errorf("count what is written: %w", err)
	}
	defer root.Close()
	c := counter{ctx: ctx, left: entries, links: map[fileID]struct{}{}}
	c.count(root, maxDepth)
	return c.found, nil
}

// openHostRoot opens a folder by its path on the host: as PID 1 sees it, or where that may not be looked
// at, as nsviz does.
func (r *Reader) openHostRoot(dir string) (*os.Root, error) {
	if !filepath.IsAbs(dir) {
		return nil, &fs.PathError{Op: "open", Path: dir, Err: errors.New("the path is relative to something unknown")}
	}
	root, err := os.OpenRoot(r.proc.File("1/root") + dir)
	if r.proc == pseudofs.DefaultProc && (errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist)) {
		root, err = os.OpenRoot(dir)
	}
	return root, err
}

type fileID struct{ dev, ino uint64 }

type counter struct {
	ctx   context.Context
	left  int
	found Written
	links map[fileID]struct{}
}

func (c *counter) stop(why string) bool {
	if c.found.Stopped == "" {
		c.found.Stopped = why
	}
	return false
}

// count goes through a folder; it returns false once it is to go no further.
func (c *counter) count(root *os.Root, depth int) bool {
	dir, err := root.Open(".")
	if err != nil {
		return c.unread(err)
	}
	defer dir.Close()
	for {
		list, err := dir.ReadDir(256)
		for _, entry := range list {
			if c.ctx.Err() != nil {
				return c.stop("its time was up")
			}
			if c.left--; c.left < 0 {
				return c.stop("there is too much")
			}
			if !c.entry(root, entry, depth) {
				return false
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return true
		case err != nil:
			return c.unread(err)
		}
	}
}

func (c *counter) entry(root *os.Root, entry fs.DirEntry, depth int) bool {
	if entry.IsDir() {
		if depth == 0 {
			c.stop("the folders are too deep") // the others still count
			return true
		}
		below, err := root.OpenRoot(entry.Name())
		if err != nil {
			return c.unread(err)
		}
		defer below.Close()
		return c.count(below, depth-1)
	}
	info, err := root.Lstat(entry.Name())
	if err != nil {
		return c.unread(err)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return true
	}
	// A name that covers one below is a character device with the number 0:0.
	if info.Mode()&fs.ModeCharDevice != 0 && stat.Rdev == 0 {
		c.found.Deleted++
		return true
	}
	c.found.Files++
	if !info.Mode().IsRegular() {
		return true
	}
	if stat.Nlink > 1 {
		id := fileID{stat.Dev, stat.Ino}
		if _, known := c.links[id]; known {
			return true
		}
		c.links[id] = struct{}{}
	}
	c.found.Bytes += uint64(info.Size())
	return true
}

// unread goes on after what vanished, and says that something was not counted after any other error.
func (c *counter) unread(err error) bool {
	if !errors.Is(err, fs.ErrNotExist) {
		c.stop("some of it cannot be read")
	}
	return true
}
