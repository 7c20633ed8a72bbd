package diagram

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
)

func TestMermaid(t *testing.T) {
	container := func(label string, host, shared []event.NamespaceType) model.Container {
		c := model.Container{ID: label, Label: label, State: model.Running}
		for i := range c.Namespaces {
			c.Namespaces[i] = model.Membership{ID: 9, Relation: model.RelationOwn}
		}
		for _, kind := range host {
			c.Namespaces[kind] = model.Membership{ID: 1, Relation: model.RelationHost}
		}
		for _, kind := range shared {
			c.Namespaces[kind] = model.Membership{ID: 7, Relation: model.RelationShared}
		}
		return c
	}
	user := []event.NamespaceType{event.User}
	net := []event.NamespaceType{event.Net}
	s := &model.Snapshot{}
	for i := range 30 {
		s.Containers = append(s.Containers, container(fmt.Sprintf("web%d", i), user, nil))
	}
	ended := container("ended", user, net)
	ended.State = model.Exited
	s.Containers = append(s.Containers, ended, container(`db"]<b>`, user, net),
		container("backup\x1b", []event.NamespaceType{event.PID, event.User}, net), container("apart", nil, nil))
	var out bytes.Buffer
	if err := WriteMermaid(&out, s); err != nil {
		t.Fatal(err)
	}
	var webs strings.Builder
	for i := range mermaidNames {
		fmt.Fprintf(&webs, "web%d<br/>", i)
	}
	want := `flowchart LR
  c1["30 containers#58;<br/>` + webs.String() + `and 18 more"]
  c2["db#quot;]#60;b#62;"]
  c4["apart<br/>(no namespace is known to be shared)"]
  n1(["net 7"])
  c1 -- "user" --- host
`
	got := strings.Replace(out.String(), "  host{{\"the host\"}}\n", "", 1)
	if strings.Contains(got, "\x1b") {
		t.Errorf("an escape gets through: %q", got)
	}
	for line := range strings.Lines(want) {
		if !strings.Contains(got, line) {
			t.Errorf("no line %q in\n%s", line, got)
		}
	}
	edges := 0
	for line := range strings.Lines(got) {
		if strings.Contains(line, " --- ") {
			edges++
		}
	}
	if diff := cmp.Diff(5, edges); diff != "" {
		t.Error(diff, got)
	}

	out.Reset()
	if err := WriteMermaid(&out, &model.Snapshot{}); err != nil || out.String() != "flowchart LR\n" {
		t.Errorf("no container: %q, %v", &out, err)
	}
}

// These were checked with Mermaid 12 itself: each is shown unchanged.
func TestMermaidString(t *testing.T) {
	for label, want := range map[string]string{
		"web": `"web"`, "": `"?"`, "end": `"end"`, `x"]`: `"x#quot;]"`, "#quot;": `"#35;quot;"`, "&lt;": `"#38;lt;"`, "`x`": `"#96;x#96;"`,
		"$$x$$": `"#36;#36;x#36;#36;"`, "fa:fa-user": `"fa#58;fa-user"`, `\n`: `"#92;n"`, "a\x1b": `"a#92;x1b"`,
		"style c1 fill:#f00": `"style c1 fill#58;#35;f00"`, "-->": `"--#62;"`, "%%{init}%%": `"#37;#37;#123;init#125;#37;#37;"`,
	} {
		if got := mermaidString(label); got != want {
			t.Errorf("%q: %s, want %s", label, got, want)
		}
	}
}
