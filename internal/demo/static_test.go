package demo

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
)

// program returns an ELF file that, if interpreter is not "", names one.
func program(t *testing.T, interpreter string) *bytes.Reader {
	t.Helper()
	const headerSize, segmentSize = 64, 56
	header := elf.Header64{
		Ident: [elf.EI_NIDENT]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:  uint16(elf.ET_EXEC), Machine: uint16(elf.EM_X86_64), Version: uint32(elf.EV_CURRENT),
		Phoff: headerSize, Ehsize: headerSize, Phentsize: segmentSize, Phnum: 1,
	}
	segment := elf.Prog64{Type: uint32(elf.PT_LOAD)}
	name := interpreter + "\x00"
	if interpreter != "" {
		segment = elf.Prog64{Type: uint32(elf.PT_INTERP), Off: headerSize + segmentSize, Filesz: uint64(len(name)), Memsz: uint64(len(name))}
	}
	var file bytes.Buffer
	for _, part := range []any{header, segment, []byte(name)} {
		if err := binary.Write(&file, binary.LittleEndian, part); err != nil {
			t.Fatal(err)
		}
	}
	return bytes.NewReader(file.Bytes())
}

// A program that needs a dynamic linker cannot start in an image that has none.
func TestCheckStatic(t *testing.T) {
	if err := checkStatic(program(t, "")); err != nil {
		t.Errorf("a static program: %v", err)
	}
	if err := checkStatic(strings.NewReader("a script")); err != nil {
		t.Errorf("no ELF file: %v", err)
	}
	err := checkStatic(program(t, "/lib64/ld-linux-x86-64.so.2"))
	if dynamic := (errDynamic{}); !errors.As(err, &dynamic) || !strings.Contains(err.Error(), "needs /lib64/ld-linux-x86-64.so.2, which") {
		t.Errorf("a dynamic program: %v", err)
	}
	if err := checkStatic(failing{}); err == nil {
		t.Error("a file that cannot be read is taken for a static program")
	}
}

type failing struct{}

func (failing) ReadAt([]byte, int64) (int, error) { return 0, errors.New("no") }
