//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os/exec"
)

// typesIn finds the BTF in a kernel's image in its bootable form.
func typesIn(ctx context.Context, image []byte) ([]byte, error) {
	kernel, err := kernelIn(ctx, image)
	if err != nil {
		return nil, err
	}
	types := largestBTF(kernel)
	if types == nil {
		return nil, errors.New("no BTF in it: is it built with CONFIG_DEBUG_INFO_BTF?")
	}
	return types, nil
}

// kernelIn returns the kernel inside an image: for x86 the decompressed vmlinux of a bzImage (Documentation/arch/x86/boot.rst),
// for arm64 the complete Image (Documentation/arch/arm64/booting.rst).
func kernelIn(ctx context.Context, image []byte) ([]byte, error) {
	at := func(offset int) uint32 {
		if offset+4 > len(image) {
			return 0
		}
		return binary.LittleEndian.Uint32(image[offset:])
	}
	has := func(offset int, magic string) bool {
		return offset+len(magic) <= len(image) && string(image[offset:offset+len(magic)]) == magic
	}
	switch {
	case has(0x202, "HdrS"):
		setupSectors := int(image[0x1f1])
		if setupSectors == 0 {
			setupSectors = 4
		}
		start := uint64(setupSectors+1)*512 + uint64(at(0x248))
		end := start + uint64(at(0x24c))
		if start >= end || end > uint64(len(image)) {
			return nil, errors.New("a bzImage whose header tells no payload")
		}
		return decompress(ctx, image[start:end])
	case has(4, "zimg"):
		return nil, errors.New("an EFI zboot image, which this command cannot unpack yet")
	case has(0, "\x1f\x8b"):
		return nil, errors.New("a compressed Image, which this command cannot unpack yet")
	case has(0x38, "ARM\x64"):
		return image, nil
	}
	return nil, errors.New("neither a bzImage of x86 nor an Image of arm64")
}

// decompress unpacks the payload of a bzImage. The compressed data are followed by their unpacked size in four bytes. In gzip's
// format that size is part of the data.
func decompress(ctx context.Context, payload []byte) ([]byte, error) {
	if len(payload) < 8 {
		return nil, errors.New("the payload is cut short")
	}
	stream := payload[:len(payload)-4]
	size := binary.LittleEndian.Uint32(payload[len(payload)-4:])
	var tool string
	switch {
	case bytes.HasPrefix(payload, []byte("\x02\x21\x4c\x18")):
		tool = "lz4"
	case bytes.HasPrefix(payload, []byte("\x28\xb5\x2f\xfd")):
		tool = "zstd"
	case bytes.HasPrefix(payload, []byte("\xfd7zXZ\x00")):
		tool = "xz"
	case bytes.HasPrefix(payload, []byte("\x1f\x8b")):
		tool, stream = "gzip", payload
	default:
		return nil, fmt.Errorf("compressed in a way that begins with % x, which this command does not know", payload[:4])
	}
	var kernel, complaint bytes.Buffer
	cmd := exec.CommandContext(ctx, tool, "-dc")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(stream), &kernel, &complaint
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("decompress with %s: %w %s", tool, err, bytes.TrimSpace(complaint.Bytes()))
	}
	if kernel.Len() != int(size) {
		return nil, fmt.Errorf("%s made %d bytes of it instead of %d", tool, kernel.Len(), size)
	}
	return kernel.Bytes(), nil
}

// largestBTF returns the largest piece of a kernel that looks like BTF, nil if there is none. A kernel may contain more BTF,
// for built-in programs. The section headers would show the right one, but the Image of arm64 has none.
func largestBTF(kernel []byte) []byte {
	// struct btf_header in include/uapi/linux/btf.h. More members may follow.
	var header struct {
		Magic                                  uint16
		Version, Flags                         uint8
		Size                                   uint32
		TypeOff, TypeLen, StringOff, StringLen uint32
	}
	start := []byte{0x9f, 0xeb, 1, 0} // magic, version, flags
	var largest []byte
	for rest := kernel; ; rest = rest[1:] {
		i := bytes.Index(rest, start)
		if i < 0 {
			return largest
		}
		rest = rest[i:]
		n, err := binary.Decode(rest, binary.LittleEndian, &header)
		if err != nil || int(header.Size) < n || header.Size > 256 || header.TypeLen == 0 || header.StringLen == 0 {
			continue
		}
		types := uint64(header.Size) + uint64(header.TypeOff) + uint64(header.TypeLen)
		strings := uint64(header.Size) + uint64(header.StringOff)
		end := strings + uint64(header.StringLen)
		// The table of strings follows the types. It begins and ends with a zero byte.
		if types > strings || end > uint64(len(rest)) || rest[strings] != 0 || rest[end-1] != 0 {
			continue
		}
		if end > uint64(len(largest)) {
			largest = rest[:end]
		}
	}
}
