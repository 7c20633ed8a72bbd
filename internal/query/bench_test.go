package query

import (
	"testing"

	"github.com/nsviz/nsviz/internal/event"
)

// BenchmarkAccepts is an event that a typical filter leaves out.
func BenchmarkAccepts(b *testing.B) {
	expr, err := Events.Parse("type=oom_kill || container=web && took>100ms", clock)
	if err != nil {
		b.Fatal(err)
	}
	row := Event{First: &event.Event{Type: event.NamespaceCreated, Container: &event.Container{Name: "web-1"}, Namespace: &event.Namespace{TookMS: new(0.2)}}}
	b.ReportAllocs()
	for b.Loop() {
		if expr.Accepts(row) {
			b.Fatal("accepted")
		}
	}
}
