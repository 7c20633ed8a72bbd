package event

import "testing"

func TestKillID(t *testing.T) {
	id := KillID("f7dc4132", 5, 7)
	seen := map[string]bool{id: true}
	for _, other := range []string{KillID("f7dc4133", 5, 7), KillID("f7dc4132", 6, 7), KillID("f7dc4132", 5, 8), KillID("", 5, 7)} {
		if seen[other] {
			t.Errorf("%s twice", other)
		}
		seen[other] = true
	}
	if again := KillID("f7dc4132", 5, 7); again != id {
		t.Errorf("%s and %s", id, again)
	}
	for text, want := range map[string]string{id: id, "KILL:00AB00AB00AB00AB": "kill:00ab00ab00ab00ab"} {
		if got, ok := ParseKillID(text); !ok || got != want {
			t.Errorf("%s: %s, %t", text, got, ok)
		}
	}
	for _, text := range []string{"", "kill:", "kill:00ab", "kill:00ab00ab00ab00ab0", "kill:00ab00ab00ab00ag", "00ab00ab00ab00ab", "net:00ab00ab00ab00ab", id + "\n"} {
		if got, ok := ParseKillID(text); ok {
			t.Errorf("%q: %s", text, got)
		}
	}
}
