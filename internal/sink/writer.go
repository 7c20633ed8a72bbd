package sink

import (
	"bytes"
	"context"
	"fmt"
	"io"
)

// lines limits the writes that wait in a Writer.
const lines = 4096

// Writer is an io.Writer that does not block, for a log whose reader may have stopped.
type Writer struct{ sink *Sink[[]byte] }

// NewWriter starts a Writer that queues up to size bytes for out. It replaces lines that were dropped by one with their number.
// It must be closed.
func NewWriter(name string, out io.Writer, size int) *Writer {
	return &Writer{New(Config[[]byte]{
		Name: name, Values: lines, Bytes: size,
		Size: func(text []byte) int { return len(text) },
		Write: func(text []byte) error {
			_, err := out.Write(text)
			return err
		},
		Missed: func(n uint64, _ []byte, _ [][]byte) [][]byte {
			return [][]byte{fmt.Appendf(nil, "(%d lines are left out here: they were not read fast enough)\n", n)}
		},
	})}
}

// Write queues a text, one line of a log. It does not fail.
func (w *Writer) Write(text []byte) (int, error) {
	w.sink.Put(bytes.Clone(text))
	return len(text), nil
}

// Stats returns the counts so far.
func (w *Writer) Stats() Stats { return w.sink.Stats() }

// Close closes the sink.
func (w *Writer) Close(ctx context.Context) error { return w.sink.Close(ctx) }
