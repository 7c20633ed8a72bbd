//go:build linux

// Command btf takes the type information (BTF) out of the kernels of test/vm/downloads, without booting them,
// and writes what nsviz reads and hooks of each to internal/probes/testdata/btf, for a unit test.
// It runs in the root of the repository and needs lz4, xz or zstd, whichever the kernels are packed with.
//
//	go run ./test/vm/btf          writes the files
//	go run ./test/vm/btf -check   reports whether they are up to date
package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// folder holds the files.
const folder = "internal/probes/testdata/btf"

// extension ends the name of each file, which begins with that of the kernel.
const extension = ".btf.gz"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("btf", flag.ContinueOnError)
	flags.SetOutput(stderr)
	check := flags.Bool("check", false, "write nothing, only say whether the files are up to date")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if flags.NArg() > 0 {
		fmt.Fprintln(stderr, "usage: btf [-check]")
		return 2
	}
	files, err := makeFiles(ctx)
	if err == nil && *check {
		err = compare(files)
	} else if err == nil {
		err = write(files, stdout)
	}
	if err != nil {
		fmt.Fprintln(stderr, "btf:", err)
		return 1
	}
	return 0
}

// makeFiles returns the contents of all files, not yet compressed, by name.
func makeFiles(ctx context.Context) (map[string][]byte, error) {
	downloads, err := os.ReadFile("test/vm/downloads")
	if err != nil {
		return nil, err
	}
	wanted, err := wantedBy("gen/nsviz_x86_bpfel.o", "gen/nsviz_arm64_bpfel.o")
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, kernel := range kernels(downloads) {
		image, err := fetch(ctx, kernel)
		if err != nil {
			return nil, fmt.Errorf("fetch kernel %s: %w", kernel, err)
		}
		raw, err := typesIn(ctx, image)
		if err != nil {
			return nil, fmt.Errorf("kernel %s: %w", kernel, err)
		}
		pruned, err := prune(raw, wanted)
		if err != nil {
			return nil, fmt.Errorf("prune the types of kernel %s: %w", kernel, err)
		}
		files[strings.ReplaceAll(kernel, "/", "-")+extension] = pruned
	}
	return files, nil
}

// kernels returns the kernels of test/vm/downloads as NAME/ARCH, in its order.
func kernels(downloads []byte) []string {
	var list []string
	lines := bufio.NewScanner(bytes.NewReader(downloads))
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 2 || fields[0][0] == '#' || fields[0] == "tools" {
			continue
		}
		if kernel := fields[0] + "/" + fields[1]; !slices.Contains(list, kernel) {
			list = append(list, kernel)
		}
	}
	return list
}

// fetch returns the image of a kernel of test/vm/downloads.
func fetch(ctx context.Context, kernel string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "test/vm/fetch", kernel)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	tree := strings.TrimSpace(string(out))
	for _, pattern := range []string{"/boot/vmlinuz-*", "/usr/lib/modules/*/vmlinuz"} {
		if found, _ := filepath.Glob(tree + pattern); len(found) == 1 {
			return os.ReadFile(found[0])
		}
	}
	return nil, fmt.Errorf("no kernel in %s", tree)
}

// write writes the files and removes all others from the folder.
func write(files map[string][]byte, stdout io.Writer) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	present, err := filepath.Glob(filepath.Join(folder, "*"+extension))
	if err != nil {
		return err
	}
	for _, path := range present {
		if files[filepath.Base(path)] == nil {
			if err := os.Remove(path); err != nil {
				return err
			}
		}
	}
	for name, content := range files {
		packed, err := pack(content)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, name), packed, 0o644); err != nil {
			return err
		}
		fmt.Fprintf(stdout, "%s: %d bytes\n", name, len(packed))
	}
	return nil
}

// compare reports the files that differ from what they should be. It compares the unpacked content, since another version of Go
// may compress it differently.
func compare(files map[string][]byte) error {
	present, err := filepath.Glob(filepath.Join(folder, "*"+extension))
	if err != nil {
		return err
	}
	var differences []error
	for _, path := range present {
		if files[filepath.Base(path)] == nil {
			differences = append(differences, fmt.Errorf("%s is of no kernel in test/vm/downloads", path))
		}
	}
	for name, want := range files {
		path := filepath.Join(folder, name)
		got, err := unpack(path)
		if err != nil {
			differences = append(differences, err)
		} else if !bytes.Equal(got, want) {
			differences = append(differences, fmt.Errorf("%s is not up to date", path))
		}
	}
	if len(differences) > 0 {
		return fmt.Errorf("%w\n'go run ./test/vm/btf' writes the files anew", errors.Join(differences...))
	}
	return nil
}

func pack(content []byte) ([]byte, error) {
	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return packed.Bytes(), nil
}

func unpack(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return io.ReadAll(r)
}
