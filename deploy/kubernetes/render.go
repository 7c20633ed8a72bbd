// Command kubernetes writes the kustomize base and its components from the Helm chart in chart/, which is the one source of the
// manifests. It also copies the rules of deploy/prometheus into the chart. `make manifests` runs it.
//
// It is a module of its own, so that nsviz does not depend on what makes and checks manifests.
package main

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"sigs.k8s.io/yaml"
)

func main() {
	if err := run("."); err != nil {
		fmt.Fprintf(os.Stderr, "kubernetes: %v\n", err)
		os.Exit(1)
	}
}

// run writes everything that is made into dir, the folder of this package.
func run(dir string) error {
	rules, err := copyRules(filepath.Join(dir, "..", "prometheus"))
	if err != nil {
		return err
	}
	if err := writeAll(filepath.Join(dir, "chart", "files"), rules); err != nil {
		return err
	}
	made, err := manifests(filepath.Join(dir, "chart"))
	if err != nil {
		return err
	}
	return writeAll(dir, made)
}

// writeAll writes files by their paths below a folder that exists.
func writeAll(dir string, files map[string][]byte) error {
	for path, content := range files {
		if err := os.WriteFile(filepath.Join(dir, path), content, 0o644); err != nil { //nolint:gosec // they are for everybody
			return err
		}
	}
	return nil
}

// copyRules returns the rule files of a folder by their names.
func copyRules(dir string) (map[string][]byte, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.rules.yml"))
	if err != nil || len(paths) == 0 {
		return nil, fmt.Errorf("no rules in %s: %w", dir, err)
	}
	rules := map[string][]byte{}
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		rules[filepath.Base(path)] = content
	}
	return rules, nil
}

const madeFrom = "# Made from the chart by `make manifests`: change that.\n"

// components has the kustomize components of the templates that are not in the base: objects of the Prometheus operator, which not every cluster
// knows, and the policy, which names who may connect.
var components = map[string]string{"podmonitor.yaml": "monitoring", "prometheusrule.yaml": "monitoring", "networkpolicy.yaml": "networkpolicy"}

// manifests renders the chart as `kubectl apply` takes it, by the paths of the files.
func manifests(dir string) (map[string][]byte, error) {
	rendered, err := render(dir, map[string]any{
		"namespace":      map[string]any{"create": true},
		"podMonitor":     map[string]any{"enabled": true},
		"prometheusRule": map[string]any{"enabled": true},
		"networkPolicy":  map[string]any{"enabled": true},
	})
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	resources := map[string][]string{}
	for name, content := range rendered {
		folder := cmp.Or(components[name], "base")
		plain, err := withoutHelm(content)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		resources[folder] = append(resources[folder], name)
		files[filepath.Join(folder, name)] = append([]byte(madeFrom), plain...)
	}
	for folder := range resources {
		kind := "v1alpha1\nkind: Component"
		if folder == "base" {
			kind = "v1beta1\nkind: Kustomization"
		}
		slices.Sort(resources[folder])
		files[filepath.Join(folder, "kustomization.yaml")] = fmt.Appendf(nil, "%sapiVersion: kustomize.config.k8s.io/%s\nresources:\n  - %s\n",
			madeFrom, kind, strings.Join(resources[folder], "\n  - "))
	}
	return files, nil
}

// render returns what the templates of a chart make of values, without the notes and the templates that make nothing, by the names of their files.
func render(dir string, values map[string]any) (map[string][]byte, error) {
	loaded, err := loader.Load(dir)
	if err != nil {
		return nil, err
	}
	return renderChart(loaded, values)
}

func renderChart(c *chart.Chart, values map[string]any) (map[string][]byte, error) {
	release := chartutil.ReleaseOptions{Name: "nsviz", Namespace: "nsviz", IsInstall: true, Revision: 1}
	all, err := chartutil.ToRenderValues(c, values, release, chartutil.DefaultCapabilities)
	if err != nil {
		return nil, err
	}
	out, err := (engine.Engine{Strict: true}).Render(c, all)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for path, content := range out {
		if trimmed := strings.TrimSpace(content); trimmed != "" && strings.HasSuffix(path, ".yaml") {
			files[filepath.Base(path)] = []byte(trimmed + "\n")
		}
	}
	return files, nil
}

// withoutHelm removes the labels that say that Helm manages an object.
func withoutHelm(manifest []byte) ([]byte, error) {
	var object any
	if err := yaml.Unmarshal(manifest, &object); err != nil {
		return nil, err
	}
	var lines [][]byte
	for line := range bytes.Lines(manifest) {
		label, _, _ := strings.Cut(strings.TrimSpace(string(line)), ":")
		if label != "app.kubernetes.io/managed-by" && label != "helm.sh/chart" {
			lines = append(lines, line)
		}
	}
	return bytes.Join(lines, nil), nil
}
