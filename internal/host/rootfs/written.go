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

// Written holds what is in the upper layer of an overlayfs.
type Written struct {
	// Bytes is the total length of the regular files; a file with several links counts once.
	Bytes uint64
	// Files is the number of files that are not directories.
	Files int
	// Deleted is the number of names in the layers below that are covered up: overlayfs does so for deleted files.
	Deleted int
	// Stopped says why the count ended early; "" means that it is complete.
	Stopped string
}

// maxDepth bounds the depth of folders that are followed; each level keeps one folder open.
const maxDepth = 64

// Written counts what is in a folder of the host, at most so many entries and until ctx ends. It never leaves the folder, even if
// processes in there replace folders by symbolic links meanwhile.
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

// openHostRoot opens a folder by its path on the host: as PID 1 sees it, or if that is not permitted, as nsviz does.
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

// count counts a folder; it returns false once the count has to stop.
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
	// A device 0:0 covers a name in a layer below.
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

// unread ignores errors about what vanished; after any other error it notes that something was not counted.
func (c *counter) unread(err error) bool {
	if !errors.Is(err, fs.ErrNotExist) {
		c.stop("some of it cannot be read")
	}
	return true
}
