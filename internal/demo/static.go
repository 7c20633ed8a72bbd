package demo

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io"
)

// errDynamic reports that nsviz cannot run as the only file.
type errDynamic struct{ interpreter string }

func (e errDynamic) Error() string {
	return fmt.Sprintf("this nsviz is linked dynamically and needs %s, which an image with nsviz as its only file does not have; "+
		"build it with make (CGO_ENABLED=0), or make the containers by hand: nsviz demo --no-docker", e.interpreter)
}

// checkStatic returns an errDynamic if a program needs an interpreter, the dynamic linker. A file other than ELF needs none.
func checkStatic(program io.ReaderAt) error {
	file, err := elf.NewFile(program)
	if malformed := (*elf.FormatError)(nil); errors.As(err, &malformed) || errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read nsviz itself: %w", err)
	}
	for _, p := range file.Progs {
		if p.Type != elf.PT_INTERP {
			continue
		}
		name, err := io.ReadAll(p.Open())
		if err != nil {
			return fmt.Errorf("read nsviz itself: %w", err)
		}
		return errDynamic{string(bytes.TrimRight(name, "\x00"))}
	}
	return nil
}
