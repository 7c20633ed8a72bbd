package fact

import "testing"

// The size of a fact grows with what is in it.
func TestFactSize(t *testing.T) {
	small, large := Fact{}, Fact{Namespaces: &Survey{Namespaces: make([]Namespace, 1000)}}
	if small.Size() <= 0 || large.Size() < small.Size()+1000*50 {
		t.Errorf("%d, %d", small.Size(), large.Size())
	}
}
