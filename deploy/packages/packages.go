package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/goreleaser/nfpm/v2"
	"github.com/goreleaser/nfpm/v2/deb"
	"github.com/goreleaser/nfpm/v2/rpm"
)

const (
	license     = "Apache-2.0 AND (GPL-2.0-only OR BSD-2-Clause)"
	maintainer  = "The nsviz authors <nsviz@users.noreply.github.com>"
	description = `shows container isolation as the kernel makes it
 Namespaces being made and joined, cgroups filling up, the OOM killer choosing
 a victim: eBPF programs stream those moments out of the kernel, and nsviz ties
 each to the container it belongs to, draws them live in a terminal and serves
 them as Prometheus metrics.`
)

// packages makes a deb and an rpm for each architecture.
func (r *release) packages(ctx context.Context) error {
	for _, arch := range r.architectures {
		for _, format := range r.formats {
			if err := r.pack(ctx, arch, format); err != nil {
				return fmt.Errorf("make the %s for %s: %w", format, arch, err)
			}
		}
	}
	return nil
}

func (r *release) pack(ctx context.Context, arch, format string) (err error) {
	version, err := r.packageVersion()
	if err != nil {
		return err
	}
	contents, err := r.contents(ctx, arch, format)
	if err != nil {
		return err
	}
	script := func(name string) string { return filepath.Join(r.source, "deploy/packages/scripts", format+"-"+name) }
	info := &nfpm.Info{
		Name: "nsviz", Arch: arch, Platform: "linux", Version: version, VersionSchema: "none", Section: "admin", Priority: "optional",
		Maintainer: maintainer, Description: description, License: license,
		MTime: r.time,
		Overridables: nfpm.Overridables{
			Contents: contents,
			Scripts:  nfpm.Scripts{PostInstall: script("postinst"), PreRemove: script("prerm"), PostRemove: script("postrm")},
			Umask:    0o022,
			RPM:      nfpm.RPM{Summary: "Shows container isolation as the kernel makes it", Group: "System/Monitoring", BuildHost: "localhost", Compression: "gzip"},
			Deb:      nfpm.Deb{Compression: "gzip"},
		},
	}
	var packager nfpm.Packager = deb.Default
	if format == "rpm" {
		packager = rpm.DefaultRPM
	}
	path := filepath.Join(r.out, packager.ConventionalFileName(info))
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := errors.Join(packager.Package(info, file), file.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	fmt.Fprintln(r.log, "packages: made", path)
	return nil
}
