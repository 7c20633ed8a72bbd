package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/goreleaser/nfpm/v2/files"
)

// contents returns the files of a package, by where they go. rpm and deb differ in their documents.
func (r *release) contents(ctx context.Context, arch, format string) (files.Contents, error) {
	var list files.Contents
	add := func(source, destination string, mode os.FileMode, kind string) {
		list = append(list, &files.Content{
			Source: source, Destination: destination, Type: kind,
			FileInfo: &files.ContentFileInfo{Owner: "root", Group: "root", Mode: mode, MTime: r.time},
		})
	}
	var failed error
	made := func(name string, content []byte, err error) string {
		if err == nil {
			name, err = r.write(filepath.Join(format+"-"+arch, name), content)
		}
		if failed == nil {
			failed = err
		}
		return name
	}
	printed := func(args ...string) func() ([]byte, error) {
		return func() ([]byte, error) { return r.nsviz(ctx, args...) }
	}
	text := func(name string, make func() ([]byte, error), destination, kind string) {
		content, err := make()
		add(made(name, content, err), destination, 0o644, kind)
	}
	add(r.binary(arch), "/usr/bin/nsviz", 0o755, "")
	text("config.yaml", func() ([]byte, error) { return r.settings(ctx) }, "/etc/nsviz/config.yaml", files.TypeConfigNoReplace)
	for _, unit := range []string{"nsviz.service", "nsviz.socket"} {
		add(filepath.Join(r.source, "deploy/systemd", unit), "/usr/lib/systemd/system/"+unit, 0o644, "")
	}
	text("bash", printed("completion", "bash"), "/usr/share/bash-completion/completions/nsviz", "")
	zsh := "/usr/share/zsh/vendor-completions/_nsviz"
	if format == "rpm" {
		zsh = "/usr/share/zsh/site-functions/_nsviz"
	}
	text("zsh", printed("completion", "zsh"), zsh, "")
	text("fish", printed("completion", "fish"), "/usr/share/fish/vendor_completions.d/nsviz.fish", "")

	pages := filepath.Join(r.work, "man")
	if _, err := r.nsviz(ctx, "man", pages); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(pages)
	if err != nil {
		return nil, err
	}
	for _, page := range entries {
		content, err := os.ReadFile(filepath.Join(pages, page.Name()))
		add(made("man-"+page.Name()+".gz", compressed(content), err), "/usr/share/man/man8/"+page.Name()+".gz", 0o644, "")
	}

	const docs = "/usr/share/doc/nsviz/"
	content, err := os.ReadFile(filepath.Join(r.source, "CHANGELOG.md"))
	add(made("doc-NEWS.gz", compressed(content), err), docs+"NEWS.gz", 0o644, "")
	guides, err := guides(r.source)
	if err != nil {
		return nil, err
	}
	for _, guide := range guides {
		content, err := guide.read(r.source, guides)
		add(made(filepath.Join("guides", string(guide)), content, err), docs+string(guide), 0o644, "")
	}
	for _, example := range []string{"systemd/drop-ins/without-admin.conf", "systemd/drop-ins/docker-group.conf", "systemd/drop-ins/network.conf",
		"prometheus/nsviz.rules.yml", "prometheus/nsviz.fleet.rules.yml", "prometheus/prometheus.yml",
		"grafana/import/nsviz-fleet.json", "grafana/import/nsviz.json", "grafana/import/nsviz-workload.json"} {
		add(filepath.Join(r.source, "deploy", example), docs+"examples/"+filepath.Base(example), 0o644, "")
	}
	text("licenses", func() ([]byte, error) {
		all, err := r.licenses(ctx)
		return compressed(all), err
	}, docs+"licenses.txt.gz", "")
	text("copyright", func() ([]byte, error) { return r.copyright() }, docs+"copyright", "")
	if format == "deb" {
		text("changelog", func() ([]byte, error) {
			entry, err := r.changelog()
			return compressed(entry), err
		}, docs+"changelog.gz", "")
		add(filepath.Join(r.source, "deploy/packages/lintian-overrides"), "/usr/share/lintian/overrides/nsviz", 0o644, "")
	}
	return list, failed
}

// changelog returns a changelog of Debian's format, in which a native package has its version.
func (r *release) changelog() ([]byte, error) {
	version, err := r.packageVersion()
	return fmt.Appendf(nil, "nsviz (%s) unstable; urgency=medium\n\n  * Built from %s; NEWS.gz has the changes.\n\n -- %s  %s\n",
		version, r.described, maintainer, r.time.Format("Mon, 02 Jan 2006 15:04:05 -0700")), err
}

// copyright returns the licenses of nsviz itself, in Debian's format.
func (r *release) copyright() ([]byte, error) {
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(r.source, name))
		if err != nil {
			return ""
		}
		var b strings.Builder
		for line := range strings.Lines(strings.TrimSpace(string(text)) + "\n") {
			if strings.TrimSpace(line) == "" {
				line = ".\n"
			}
			b.WriteString(" " + line)
		}
		return b.String()
	}
	bsd := read("bpf/LICENSE.BSD-2-Clause")
	if bsd == "" {
		return nil, fmt.Errorf("bpf/LICENSE.BSD-2-Clause cannot be read")
	}
	return []byte(`Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: nsviz
Comment: licenses.txt.gz has the licenses of the modules that are compiled in.

Files: *
Copyright: The nsviz authors
License: Apache-2.0
 On Debian systems, the complete text of the Apache License, version 2.0, is in
 /usr/share/common-licenses/Apache-2.0.

Files: bpf/* gen/*
Copyright: The nsviz authors
License: GPL-2.0-only or BSD-2-Clause

License: GPL-2.0-only
 On Debian systems, the complete text of the GNU General Public License,
 version 2, is in /usr/share/common-licenses/GPL-2.

License: BSD-2-Clause
` + bsd), nil
}
