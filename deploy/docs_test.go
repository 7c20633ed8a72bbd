package deploy_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/nsviz/nsviz/test/pages"
)

// The blocks of the pages are what their language says: YAML and JSON that decodes, configurations and queries that promtool accepts.
func TestBlocksOfTheDocs(t *testing.T) {
	all, err := pages.All("..")
	if err != nil {
		t.Fatal(err)
	}
	var queries []string
	configurations := 0
	for _, page := range all {
		blocks, err := pages.Fenced("..", page)
		if err != nil {
			t.Error(err)
		}
		for _, b := range blocks {
			where := fmt.Sprintf("%s:%d", b.Page, b.Line)
			switch b.Language {
			case "yaml":
				var value any
				if err := yaml.Unmarshal([]byte(b.Text), &value); err != nil {
					t.Errorf("%s: %v", where, err)
				}
				if strings.HasPrefix(b.Text, "scrape_configs:") && !strings.Contains(b.Text, "nomad_sd_configs") { // which Debian's Prometheus lacks
					configurations++
					config := filepath.Join(t.TempDir(), "prometheus.yml")
					if err := os.WriteFile(config, []byte(b.Text), 0o600); err != nil {
						t.Fatal(err)
					}
					promtool(t, "check", "config", "--syntax-only", config)
				}
			case "json":
				decoder := json.NewDecoder(strings.NewReader(b.Text)) // also a line for each value
				for decoder.More() {
					var value any
					if err := decoder.Decode(&value); err != nil {
						t.Errorf("%s: %v", where, err)
						break
					}
				}
			case "promql":
				queries = append(queries, queriesOf(b.Text)...)
			default:
				if !slices.Contains([]string{"sh", "console", "text", "ini", "hcl", "logql", "mermaid", "go"}, b.Language) {
					t.Errorf("%s: no test knows the language %q", where, b.Language)
				}
			}
		}
	}
	if len(queries) < 10 || configurations < 2 {
		t.Errorf("%d queries, %d configurations", len(queries), configurations)
	}
	rules := map[string]any{"groups": []any{map[string]any{"name": "documented", "rules": asRules(queries)}}}
	data, err := yaml.Marshal(rules)
	file := filepath.Join(t.TempDir(), "rules.yml")
	if err == nil {
		err = os.WriteFile(file, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	promtool(t, "check", "rules", file)
}

// queriesOf returns the queries of a block: one for each line that has a comment behind it, or else the block as a whole.
func queriesOf(block string) []string {
	commented := regexp.MustCompile(`(?m)^\S.*?\s+# .*$`)
	if lines := commented.FindAllString(block, -1); len(lines) == strings.Count(block, "\n") {
		return lines
	}
	return []string{block}
}

func asRules(queries []string) []any {
	var rules []any
	for i, query := range queries {
		rules = append(rules, map[string]any{"record": fmt.Sprint("documented:", i), "expr": query})
	}
	return rules
}
