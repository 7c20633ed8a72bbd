package report

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/model"
)

func formatted(t *testing.T, format string, s *model.Snapshot, c Cells) string {
	t.Helper()
	f, err := ParseFormat(format)
	if err != nil {
		t.Fatalf("%s: %v", format, err)
	}
	c.Zone = time.UTC
	var b strings.Builder
	if err := f.Write(&b, Workloads(s), c); err != nil {
		t.Fatalf("%s: %v", format, err)
	}
	return b.String()
}

func TestFormat(t *testing.T) {
	s := crowd()
	s.Containers, s.VMs = s.Containers[:2], nil
	for format, want := range map[string]string{
		"{{.Name}}":            "web\nsidecar\n",
		`{{.ID}}\t{{.Status}}`: "7edab7c97eda\tUp 5 minutes\n7edab7c97eda\tUp 5 minutes\n",
		`table {{.Name}}\t{{.Restarts}}\t{{.Namespaces.net}}`:                                                "NAME     RESTARTS  net\nweb      0         own\nsidecar  12        shared1\n",
		`{{if eq .Name "web"}}{{upper .Image}} {{json .Name}}{{end}}`:                                        "NGINX:1.29 \"web\"\n\n",
		"{{.Kind}} {{.State}} {{.PID}} {{.Started}} {{.Runtime}} {{.Memory}} {{.Limit}} {{.OOM}} {{.Group}}": strings.Repeat("container running 22518 2026-11-23 19:57:00 docker 3.2 MiB 64 MiB 2 \n", 2),
	} {
		if got := formatted(t, format, s, Cells{}); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", format, got, want)
		}
	}
	if got := formatted(t, "{{.ID}}", s, Cells{NoTrunc: true}); !strings.HasPrefix(got, strings.Repeat("7edab7c9", 8)+"\n") {
		t.Errorf("in full length: %s", got)
	}
}

// json, by itself or as a function, has the fields of -o json.
func TestFormatJSON(t *testing.T) {
	s := crowd()
	for _, format := range []string{"json", "{{json .}}"} {
		lines := strings.Split(strings.TrimSuffix(formatted(t, format, s, Cells{}), "\n"), "\n")
		want := Workloads(s)
		if len(lines) != len(want) {
			t.Fatalf("%s: %d lines, want %d", format, len(lines), len(want))
		}
		for i, line := range lines {
			var got Workload
			if err := json.Unmarshal([]byte(line), &got); err != nil {
				t.Fatalf("%s: %v in %s", format, err, line)
			}
			if diff := cmp.Diff(want[i], got); diff != "" {
				t.Errorf("%s (-want +got)\n%s", format, diff)
			}
		}
	}
}

// Whatever a template makes of a name, the terminal gets no byte of it that acts on it.
func TestFormatEscapes(t *testing.T) {
	hostile := "a\x1b[2J\r\n\tb\u202e\u4e1b\xff"
	s := &model.Snapshot{Containers: []model.Container{{ID: hostile, Label: hostile, Named: true, Image: hostile, Runtime: hostile, State: model.Running}}}
	for _, format := range []string{
		"{{.Name}}{{.ID}}{{.Image}}{{.Runtime}}", `table {{.Name}}\t{{.ID}}`, "json", "{{json .}}", "{{json .Name}}", "{{.Name | printf \"%s\"}}",
		"{{range $i, $_ := split .Name \"\"}}{{$i}}{{.}}{{end}}", "{{slice .ID 29 30}}", `{{printf "%c%s" 155 .Name}}`,
	} {
		out := formatted(t, format, s, Cells{NoTrunc: true})
		for _, r := range out {
			if r == '\u202e' || r == '\ufffd' || r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 {
				t.Errorf("%s: %q", format, out)
				break
			}
		}
		if n := strings.Count(strings.TrimPrefix(out, "NAME"), "\n"); !strings.HasPrefix(format, "table") && n != 1 {
			t.Errorf("%s: a name made %d lines: %q", format, n, out)
		}
	}
}

func TestFormatRefuses(t *testing.T) {
	for format, want := range map[string]string{
		"":                        "want a template",
		"table":                   "want a template after table",
		"{{.Names}}":              "no field Names; did you mean Name? (fields: Name, ID, Kind, State, Status, Restarts, PID, Started, Runtime, Image, Group, Memory, Limit, OOM, Namespaces;",
		"{{.Xyzzy}}":              "no field Xyzzy (fields: Name,",
		"{{.Name":                 "unclosed action",
		"{{nofunction}}":          `"nofunction" not defined`,
		"{{.Namespaces.network}}": "no field network (fields:",
	} {
		if _, err := ParseFormat(format); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, want %s", format, err, want)
		}
	}
	// A branch that no title takes is found out later.
	f, err := ParseFormat(`{{if eq .Name "web"}}{{.Names}}{{end}}`)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Write(&strings.Builder{}, Workloads(crowd()), Cells{Zone: time.UTC}); err == nil || !strings.Contains(err.Error(), "no field Names") {
		t.Errorf("%v", err)
	}
}
