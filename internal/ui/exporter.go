package ui

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

// maxSameName limits the files of one second.
const maxSameName = 99

// exporter writes files. A file system that does not answer holds up no key: a file is written in a goroutine, one at a time.
type exporter struct {
	directory string      // "" is the working directory
	results   chan string // what to say about a file that was written, or was not
	writing   bool
	running   sync.WaitGroup
}

func newExporter(directory string) *exporter {
	return &exporter{directory: directory, results: make(chan string, 1)}
}

// export begins to write what a State shows. It returns what to say meanwhile.
func (e *exporter) export(latest *model.Snapshot, st State, theme Theme) (note string) {
	if e.writing {
		return "the last file is still being written"
	}
	e.writing = true
	st.Note = ""
	e.running.Go(func() { e.results <- e.note(latest, st, theme) })
	return "writing a file…"
}

// note writes what a State shows, and returns what to say about that.
func (e *exporter) note(latest *model.Snapshot, st State, theme Theme) string {
	path, size, err := writeNew(filepath.Join(e.directory, st.fileName(st.shown(latest))), string(st.ExportForm), func(w io.Writer) error {
		return st.Write(w, latest, theme)
	})
	if err != nil {
		return "nothing was written: " + err.Error()
	}
	return fmt.Sprintf("wrote %s, %s", path, story.Bytes(size))
}

// writeNew makes a file that only its owner may read, and returns its path and size. It replaces no file and follows no link: if there is
// one already, a number is added to the name. A file that cannot be completed is removed.
func writeNew(base, ending string, contents func(io.Writer) error) (path string, size uint64, err error) {
	var file *os.File
	for n := 1; file == nil; n++ {
		if path = base + "." + ending; n > 1 {
			path = fmt.Sprintf("%s-%d.%s", base, n, ending)
		}
		file, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, 0o600)
		if err != nil && (!errors.Is(err, fs.ErrExist) || n == maxSameName) {
			return "", 0, err
		}
	}
	out := bufio.NewWriter(file)
	err = contents(out)
	if err = errors.Join(err, out.Flush()); err == nil {
		var info fs.FileInfo
		if info, err = file.Stat(); err == nil {
			size = uint64(info.Size())
		}
	}
	if err = errors.Join(err, file.Close()); err != nil {
		_ = os.Remove(path) // the first error matters
		return "", 0, err
	}
	return path, size, nil
}
