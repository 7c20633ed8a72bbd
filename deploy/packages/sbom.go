package main

import (
	"context"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// binaries copies the binaries.
func (r *release) binaries(context.Context) error {
	for _, arch := range r.architectures {
		program, err := os.ReadFile(r.binary(arch))
		if err != nil {
			return err
		}
		if err := os.WriteFile(r.released(arch), program, 0o755); err != nil {
			return err
		}
	}
	return nil
}

// released returns where a binary is released.
func (r *release) released(arch string) string {
	return filepath.Join(r.out, fmt.Sprintf("nsviz-%s-linux-%s", r.version(), arch))
}

// boms lists, for each binary, the modules that it is built of, as the binary itself has them recorded (CycloneDX).
func (r *release) boms(context.Context) error {
	for _, arch := range r.architectures {
		bom, err := r.bom(arch)
		if err != nil {
			return fmt.Errorf("list the parts of nsviz for %s: %w", arch, err)
		}
		file, err := os.Create(r.released(arch) + ".cdx.json")
		if err != nil {
			return err
		}
		if err := cdx.NewBOMEncoder(file, cdx.BOMFileFormatJSON).SetPretty(true).Encode(bom); err != nil {
			return err
		}
		if err := file.Close(); err != nil {
			return err
		}
	}
	return nil
}

func (r *release) bom(arch string) (*cdx.BOM, error) {
	info, err := buildinfo.ReadFile(r.binary(arch))
	if err != nil {
		return nil, err
	}
	program, err := os.ReadFile(r.binary(arch))
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(program)
	purl := func(path, version string) string {
		return "pkg:golang/" + path + "@" + strings.ReplaceAll(version, "+", "%2B")
	}
	self := purl(info.Main.Path, r.version())
	bom := cdx.NewBOM()
	bom.Metadata = &cdx.Metadata{
		Timestamp: r.time.Format(time.RFC3339),
		Component: &cdx.Component{
			BOMRef: self, Type: cdx.ComponentTypeApplication, Name: "nsviz", Version: r.version(), PackageURL: self,
			Hashes:   &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: hex.EncodeToString(sum[:])}},
			Licenses: &cdx.Licenses{{Expression: license}},
			Properties: &[]cdx.Property{
				{Name: "nsviz:architecture", Value: arch}, {Name: "nsviz:revision", Value: r.revision},
			},
		},
	}
	standard := cdx.Component{
		BOMRef: purl("std", strings.TrimPrefix(info.GoVersion, "go")), Type: cdx.ComponentTypeLibrary, Name: "std", Version: info.GoVersion,
		PackageURL: purl("std", strings.TrimPrefix(info.GoVersion, "go")),
	}
	components, refs := []cdx.Component{standard}, []string{standard.BOMRef}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		c := cdx.Component{BOMRef: purl(m.Path, m.Version), Type: cdx.ComponentTypeLibrary, Name: m.Path, Version: m.Version, PackageURL: purl(m.Path, m.Version)}
		// The sum of a module (h1:) is a SHA-256 of its files' sums.
		if sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(m.Sum, "h1:")); err == nil && len(sum) == sha256.Size {
			c.Hashes = &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: hex.EncodeToString(sum)}}
		}
		components, refs = append(components, c), append(refs, c.BOMRef)
	}
	bom.Components = &components
	bom.Dependencies = &[]cdx.Dependency{{Ref: self, Dependencies: &refs}}
	return bom, nil
}

// checksums writes SHA256SUMS, which sha256sum --check reads, of all files of this version.
func (r *release) checksums(context.Context) error {
	entries, err := os.ReadDir(r.out)
	if err != nil {
		return err
	}
	version, err := r.packageVersion()
	if err != nil {
		return err
	}
	var b strings.Builder
	for _, e := range slices.SortedFunc(slices.Values(entries), func(a, b os.DirEntry) int { return strings.Compare(a.Name(), b.Name()) }) {
		if !strings.Contains(e.Name(), version) && !strings.Contains(e.Name(), r.version()) {
			continue
		}
		content, err := os.ReadFile(filepath.Join(r.out, e.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%x  %s\n", sha256.Sum256(content), e.Name())
	}
	return os.WriteFile(filepath.Join(r.out, "SHA256SUMS"), []byte(b.String()), 0o644)
}
