package fact

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/event"
)

// The size of a fact grows with what is in it.
func TestFactSize(t *testing.T) {
	small, large := Fact{}, Fact{Namespaces: &Survey{Namespaces: make([]Namespace, 1000)}}
	if small.Size() <= 0 || large.Size() < small.Size()+1000*50 {
		t.Errorf("%d, %d", small.Size(), large.Size())
	}
}

// Every field of a namespace and of a survey counts, also one that is added later.
func TestEqualSurveys(t *testing.T) {
	namespace := Namespace{
		Type: event.Net, ID: 1, Owner: 2, Parent: 3, Processes: []int32{4}, PinnedBy: []string{"/a"}, MadeFor: &event.Container{ID: "c"}, MadeInside: true, Contained: true,
	}
	survey := Survey{Namespaces: []Namespace{namespace}, VMs: []VM{{PID: 5}}, Unseen: &Unseen{Processes: 6}, LeftOut: 7, Resync: true, Of: time.Unix(8, 0)}
	copied := survey
	copied.Namespaces, copied.VMs, copied.Unseen = slices.Clone(survey.Namespaces), slices.Clone(survey.VMs), &Unseen{Processes: 6}
	copied.Namespaces[0].Processes, copied.Namespaces[0].MadeFor = []int32{4}, &event.Container{ID: "c"}
	if !survey.Equal(&copied) || !copied.Equal(&survey) {
		t.Error("copies differ")
	}
	if none := (*Survey)(nil); !none.Equal(nil) || none.Equal(&survey) || survey.Equal(nil) {
		t.Error("none equals one")
	}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[Namespace]()) {
		other := namespace
		reflect.ValueOf(&other).Elem().FieldByIndex(field.Index).SetZero()
		if namespace.Equal(&other) {
			t.Errorf("%s of a namespace does not count", field.Name)
		}
	}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[Survey]()) {
		other := survey
		reflect.ValueOf(&other).Elem().FieldByIndex(field.Index).SetZero()
		if survey.Equal(&other) {
			t.Errorf("%s of a survey does not count", field.Name)
		}
	}
}
