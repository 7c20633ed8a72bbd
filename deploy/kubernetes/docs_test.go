package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/strvals"
)

// The commands of docs/KUBERNETES.md name this chart, and set values that it has.
func TestHelmCommandsOfTheDocs(t *testing.T) {
	page, err := os.ReadFile("../../docs/KUBERNETES.md")
	if err != nil {
		t.Fatal(err)
	}
	commands := regexp.MustCompile(`(?m)^ *helm .*$`).FindAllString(strings.ReplaceAll(string(page), "\\\n", " "), -1)
	if len(commands) < 2 {
		t.Fatalf("only %q", commands)
	}
	for _, command := range commands {
		values := map[string]any{}
		for _, set := range regexp.MustCompile(`--set[ =](\S+)`).FindAllStringSubmatch(command, -1) {
			if err := strvals.ParseInto(set[1], values); err != nil {
				t.Errorf("%s: %v", command, err)
			}
		}
		if !strings.Contains(command, " deploy/kubernetes/chart ") {
			t.Errorf("%s: it names another chart", command)
		}
		if files, err := render("chart", values); err != nil || len(files) == 0 {
			t.Errorf("%s: %v", command, err)
		}
	}
}
