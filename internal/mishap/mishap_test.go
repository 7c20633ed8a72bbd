package mishap

import (
	"bytes"
	"errors"
	"log/slog"
	"runtime"
	"strings"
	"testing"
)

func TestPanicEndsOnePieceOfWork(t *testing.T) {
	var log bytes.Buffer
	c := New(slog.New(slog.NewTextHandler(&log, nil)))
	for range 3 {
		var none *struct{ name string }
		err := c.Do(Page, "shop/cart/hog", func() error { return errors.New(none.name) })
		if e := (*Error)(nil); !errors.As(err, &e) || e.Work != Page || !strings.Contains(err.Error(), "nil pointer dereference") {
			t.Errorf("%v", err)
		}
	}
	_ = c.Do(Export, "", func() error { panic("other") })
	if counts := c.Counts(); counts[Page] != 3 || counts[Export] != 1 || counts[Log] != 0 || len(counts) != len(Works()) {
		t.Errorf("%v", counts)
	}
	text := log.String()
	if strings.Count(text, "\n") != 2 || strings.Count(text, "TestPanicEndsOnePieceOfWork") < 2 || !strings.Contains(text, "about=shop/cart/hog") || !strings.Contains(text, "panic=other") {
		t.Error(text)
	}
}

func TestWorkThatDoesNotPanic(t *testing.T) {
	c := New(slog.New(slog.DiscardHandler))
	failed := errors.New("no")
	for _, want := range []error{nil, failed} {
		if err := c.Do(Page, "", func() error { return want }); !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = c.Do(Page, "", func() error {
			runtime.Goexit() // as the end of a failed test, which is none
			return nil
		})
	}()
	<-done
	if counts := c.Counts(); counts[Page] != 0 {
		t.Errorf("%v", counts)
	}
}

// Without a Counter a panic is one, and an error is returned as it is.
func TestNilCounter(t *testing.T) {
	var c *Counter
	defer func() {
		if recover() == nil {
			t.Error("it is swallowed")
		}
	}()
	if c.Counts() != nil {
		t.Error("it counts")
	}
	_ = c.Do(Page, "", func() error { panic("x") })
}
