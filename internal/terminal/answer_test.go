package terminal

import (
	"io"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A terminal answers while nsviz already ends: the shell must not take the answer for what somebody typed.
func TestAnswersAreNotLeftBehind(t *testing.T) {
	person, device := openPTY(t)
	term := open(t, Options{Path: device.Name()})
	if err := term.Start(); err != nil {
		t.Fatal(err)
	}
	if err := term.Ask(); err != nil {
		t.Fatal(err)
	}
	if err := term.Drain(); err != nil {
		t.Fatal(err)
	}
	answered := make(chan error, 1)
	go func() {
		question := make([]byte, len(askBackground)+len(askWidth))
		_, err := io.ReadFull(person, question)
		if err == nil && string(question) == askBackground+askWidth {
			_, err = io.Copy(person, strings.NewReader("\x1b]11;rgb:0000/0000/0000\x1b\\\x1b[1;2R"))
		}
		answered <- err
	}()
	if err := term.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := <-answered; err != nil {
		t.Fatal(err)
	}
	// In canonical mode FIONREAD counts whole lines alone, so an end of the line is typed behind it.
	if _, err := person.WriteString("x\n"); err != nil {
		t.Fatal(err)
	}
	left := make([]byte, 128)
	n, err := unix.Read(int(device.Fd()), left)
	if err != nil || string(left[:n]) != "x\n" {
		t.Errorf("%q is left to be read, %v", left[:n], err)
	}
}
