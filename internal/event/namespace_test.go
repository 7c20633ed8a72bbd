package event

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNamespaceTypes(t *testing.T) {
	want := []string{"mnt", "pid", "net", "ipc", "uts", "user", "cgroup", "time"} // the names in /proc/PID/ns
	var got []string
	for i, typ := range NamespaceTypes() {
		if int(typ) != i {
			t.Errorf("%v is at %d", typ, i)
		}
		got = append(got, typ.String())
		text, err := typ.MarshalText()
		if err != nil {
			t.Error(err)
		}
		var back NamespaceType
		if err := back.UnmarshalText(text); err != nil || back != typ {
			t.Errorf("%s reads back as %v (%v)", text, back, err)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}

func TestParseNamespaceType(t *testing.T) {
	if got, err := ParseNamespaceType("user"); err != nil || got != User {
		t.Errorf("user: %v, %v", got, err)
	}
	for _, name := range []string{"", "USER", "user ", "pid_for_children", "NamespaceType(8)"} {
		if got, err := ParseNamespaceType(name); err == nil {
			t.Errorf("%q is taken for %v", name, got)
		}
	}
}

func TestNoSuchNamespaceType(t *testing.T) {
	none := NamespaceType(NamespaceTypeCount)
	if got := none.String(); got != "NamespaceType(8)" {
		t.Errorf("got %q", got)
	}
	if text, err := none.MarshalText(); err == nil {
		t.Errorf("written as %q", text)
	}
	var typ NamespaceType
	if err := json.Unmarshal([]byte(`"nope"`), &typ); err == nil {
		t.Errorf("read as %v", typ)
	}
}

func TestNamespaceIDs(t *testing.T) {
	tests := []struct {
		name string
		ids  NamespaceIDs
		json string
	}{
		{"none", NamespaceIDs{}, `{}`},
		{"one", NamespaceIDs{Time: 4026531834}, `{"time":4026531834}`},
		{"all", NamespaceIDs{1, 2, 3, 4, 5, 6, 7, 8}, `{"cgroup":7,"ipc":4,"mnt":1,"net":3,"pid":2,"time":8,"user":6,"uts":5}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			data, err := json.Marshal(test.ids)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.json, string(data)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			back := NamespaceIDs{9, 9, 9, 9, 9, 9, 9, 9} // old values do not remain
			if err := json.Unmarshal(data, &back); err != nil {
				t.Fatal(err)
			}
			if back != test.ids || back.IsZero() != (test.name == "none") {
				t.Errorf("read back as %v", back)
			}
		})
	}
	for _, hostile := range []string{`{"nope":1}`, `{"mnt":-1}`, `{"mnt":"1"}`, `{"mnt":18446744073709551616}`, `[1]`, `7`} {
		var ids NamespaceIDs
		if err := json.Unmarshal([]byte(hostile), &ids); err == nil {
			t.Errorf("%s reads as %v", hostile, ids)
		}
	}
}
