package main

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

var licenseFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|patents)([.-].*)?$`)

// licenses returns the licenses of all that is compiled into nsviz, as these ask for.
func (r *release) licenses(ctx context.Context) ([]byte, error) {
	if r.licensed != nil {
		return r.licensed, nil
	}
	info, err := buildinfo.ReadFile(r.binary(r.architectures[0]))
	if err != nil {
		return nil, err
	}
	args := []string{"mod", "download", "-json"}
	for _, m := range info.Deps {
		args = append(args, m.Path+"@"+m.Version)
	}
	cmd := exec.CommandContext(ctx, r.goTool, args...)
	cmd.Dir, cmd.Stderr = r.source, r.log
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("find the modules that nsviz is built of: %w", err)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "nsviz %s contains these modules, under these licenses.\n", r.version())
	decoder := json.NewDecoder(bytes.NewReader(out))
	for decoder.More() {
		var module struct{ Path, Version, Dir string }
		if err := decoder.Decode(&module); err != nil {
			return nil, err
		}
		entries, err := os.ReadDir(module.Dir)
		if err != nil {
			return nil, err
		}
		entries = slices.DeleteFunc(entries, func(e os.DirEntry) bool { return e.IsDir() || !licenseFile.MatchString(e.Name()) })
		if len(entries) == 0 {
			return nil, fmt.Errorf("%s has no license", module.Path)
		}
		for _, entry := range entries {
			text, err := os.ReadFile(filepath.Join(module.Dir, entry.Name()))
			if err != nil {
				return nil, err
			}
			fmt.Fprintf(&b, "\n%[1]s\n%[2]s %[3]s: %[4]s\n%[1]s\n\n%[5]s\n", strings.Repeat("=", 80), module.Path, module.Version, entry.Name(), bytes.TrimSpace(text))
		}
	}
	r.licensed = b.Bytes()
	return r.licensed, nil
}
