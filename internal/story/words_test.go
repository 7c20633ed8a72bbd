package story

import "testing"

const mib = 1 << 20

func TestWords(t *testing.T) {
	for _, tt := range []struct {
		n    uint64
		want string
	}{
		{0, "0 B"}, {1, "1 B"}, {1023, "1023 B"}, {1024, "1 KiB"}, {484 << 10, "484 KiB"}, {64 * mib, "64 MiB"},
		{63018394, "60.1 MiB"}, {100*mib + 1, "100 MiB"}, {1536 * mib, "1.5 GiB"}, {1 << 40, "1 TiB"}, {1 << 50, "1 PiB"},
		{1<<20 - 1, "1.0 MiB"}, {1<<64 - 1, "16384 PiB"},
	} {
		if got := Bytes(tt.n); got != tt.want {
			t.Errorf("%d bytes: %q, want %q", tt.n, got, tt.want)
		}
	}
	for _, tt := range []struct {
		n, limit uint64
		want     string
	}{
		{64 * mib, 64 * mib, "64.0/64 MiB"},
		{1, 64 * mib, "<0.1/64 MiB"},
		{0, 64 * mib, "0.0/64 MiB"},
		{900 * mib, 1 << 30, "0.9/1 GiB"},
		{1023 * mib, 1023 * mib, "1023/1023 MiB"},
	} {
		if got := BytesOf(tt.n, "/", tt.limit); got != tt.want {
			t.Errorf("%d of %d bytes: %q, want %q", tt.n, tt.limit, got, tt.want)
		}
	}
	for n, want := range map[uint64]string{1: "1st", 2: "2nd", 3: "3rd", 4: "4th", 11: "11th", 12: "12th", 13: "13th", 21: "21st", 112: "112th"} {
		if got := Ordinal(n); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
}

func TestGroupLetter(t *testing.T) {
	for group, want := range map[int]string{0: "?", 1: "a", 26: "z", 27: "A", 52: "Z", 53: "+", 1000: "+"} {
		if got := GroupLetter(group); got != want {
			t.Errorf("group %d: %q, want %q", group, got, want)
		}
	}
}
