package turns

import "testing"

func TestUnsent(t *testing.T) {
	u := NewUnsent(100)
	large, ok := u.Add(300)
	if !ok {
		t.Fatal("one alone is refused")
	}
	if _, ok := u.Add(1); ok {
		t.Error("another one beside it")
	}
	large()
	var sent []func()
	for range 4 {
		one, ok := u.Add(25)
		if !ok {
			t.Fatal("refused though there is room")
		}
		sent = append(sent, one)
	}
	if _, ok := u.Add(1); ok || u.Bytes() != 100 {
		t.Errorf("one too many: %v; %d bytes are counted", ok, u.Bytes())
	}
	for _, one := range sent {
		one()
	}
	if u.Bytes() != 0 {
		t.Errorf("%d bytes are left", u.Bytes())
	}
}
