package spelling

import "testing"

func TestNearest(t *testing.T) {
	words := []string{"ps", "ns", "events", "inspect", "doctor", "record", "replay", "serve", "demo", "why"}
	for typed, want := range map[string]string{
		"pss": "ps", "evnet": "events", "EVENTS": "events", "rec": "record", "repaly": "replay", "dmeo": "demo",
		"list": "", "p": "ps", "": "", "x": "", "docker": "doctor", "wyh": "why", "イベント": "", "xyzzy": "",
	} {
		if got := Nearest(typed, words); got != want {
			t.Errorf("%q: %q, want %q", typed, got, want)
		}
	}
}
