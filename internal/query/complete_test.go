package query

import (
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/report"
)

// A | is the cursor. What is wanted stands behind what is before From.
func TestComplete(t *testing.T) {
	var every []string
	for i := range Workloads {
		every = append(every, Workloads[i].Name+"=")
	}
	for at, want := range map[string]string{
		"ima|": "image=", "image|": "image= image!= image~ image!~", "image!|": "image!= image!~", "|name=web": strings.Join(every, " "),
		"na|xyz": "name= namespace=", "oom>0 && sta|": "oom>0 && status= oom>0 && started=", "(!IMA|": "(!image=", "xyzzy|": "", "oom=1 && limi|": "oom=1 && limit=",
		"limit|": "limit= limit!= limit> limit>= limit< limit<=", "xyzzy=1 && imag|": "xyzzy=1 && image=",
		"status=|": "status=created status=starting status=running status=paused status=exited", "status!=Ex|": "status!=exited", "net=|": "net=own net=host net=shared",
		"name=|": `name="my machine" name=pod name=unknown name=web-1`, "name=w|": "name=web-1", "name=my|": `name="my machine"`, `name="w|`: `name="web-1"`, "name~w|": "", "label=|": `label="env=prod" label="tier=front"`,
		"oom=|": "oom=true oom=false oom=0 oom=2", "oom>|": "oom>0 oom>2", "pid=2|": "pid=2251", "limit=|": "limit=unlimited", "started>|": "", "xyzzy=|": "",
		"name=web |": "name=web && name=web ||", "web |": "web && web ||", `"web"|`: `"web"&& "web"||`, "(a)|": "(a)&& (a)||", "a b) c|": "", "a & b|": "",
	} {
		expr, _, _ := strings.Cut(at, "|")
		cursor := len(expr)
		asked := false
		c := Workloads.Complete(strings.Replace(at, "|", "", 1), cursor, func() []*report.Workload { asked = true; return workloads() })
		var got []string
		for _, candidate := range c.List {
			got = append(got, expr[:c.From]+candidate.Text)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %s, want %s", at, strings.Join(got, " "), want)
		}
		if asked && !strings.ContainsAny(expr, "=>") {
			t.Errorf("%s: the rows are asked for, without need", at)
		}
	}
}
