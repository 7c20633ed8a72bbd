package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/isolation"
)

// What doctor could not find out it says to be unknown, and why.
func TestDiagnosisOfUnknown(t *testing.T) {
	for _, tt := range []struct {
		diagnosis diagnosis
		want      []string
	}{
		{diagnosis{snapshot: &isolation.Snapshot{}, unlooked: errors.New("open /x: permission denied")}, []string{
			"containers  unknown: open /x: permission denied\n", "host        ?, Linux ?,", "no probe could be attached",
		}},
		{diagnosis{snapshot: &isolation.Snapshot{
			Host:       fact.Host{Name: "here", Kernel: "6.1"},
			Containers: []isolation.Container{{State: isolation.Running}, {State: isolation.Exited}},
		}}, []string{"containers  1 running\n", "host        here, Linux 6.1,"}},
	} {
		var out bytes.Buffer
		if err := tt.diagnosis.write(&out); err != nil {
			t.Fatal(err)
		}
		for _, want := range tt.want {
			if !strings.Contains(out.String(), want) {
				t.Errorf("want %q in\n%s", want, &out)
			}
		}
	}
}
