package runtime

import (
	"maps"
	"os"
	"regexp"
	"strings"
	"testing"
)

// All advice is on findings that docs/EVENTS.md has.
func TestAdviceIsOnFindings(t *testing.T) {
	page, err := os.ReadFile("../../../docs/EVENTS.md")
	if err != nil {
		t.Fatal(err)
	}
	namespace := regexp.MustCompile(`^(host|shared)_[a-z]+_namespace$`)
	all := maps.Clone(advice)
	all["kubernetes"] = kubernetesAdvice
	for name, list := range all {
		if len(list) < 10 {
			t.Errorf("%s has advice on %d findings", name, len(list))
		}
		for id, words := range list {
			documented := namespace.ReplaceAllString(id, "${1}_TYPE_namespace")
			if words == "" || !strings.Contains(string(page), "`"+documented+"`") {
				t.Errorf("%s has advice %q on %s, which is no finding", name, words, id)
			}
			if got := Advice(name, name == "kubernetes", id); got != words {
				t.Errorf("%s, %s: %q", name, id, got)
			}
		}
	}
	if got := Advice("of a later version", false, "host_root"); got != "" {
		t.Errorf("advised %q", got)
	}
}
