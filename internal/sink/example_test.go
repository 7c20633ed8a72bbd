package sink_test

import (
	"context"
	"fmt"

	"github.com/nsviz/nsviz/internal/sink"
)

// A consumer that has stopped delays nobody. When it goes on it learns how much it has missed.
func ExampleSink() {
	stopped, goesOn := make(chan struct{}), make(chan struct{})
	lines := sink.New(sink.Config[string]{
		Name: "example", Values: 2, Bytes: 1 << 10,
		Size: func(line string) int { return len(line) },
		Write: func(line string) error {
			if line == "one" {
				close(stopped)
				<-goesOn
			}
			fmt.Println(line)
			return nil
		},
		Missed: func(n uint64, last string, _ []string) []string {
			return []string{fmt.Sprintf("(%d are missing, the last one is %s)", n, last)}
		},
	})
	lines.Put("one")
	<-stopped
	for _, line := range []string{"two", "three", "four", "five"} { // there is room for two
		lines.Put(line)
	}
	fmt.Printf("%+v\n", lines.Stats())
	close(goesOn)
	if err := lines.Close(context.Background()); err != nil { // waits until all is written
		fmt.Println(err)
	}
	// Output:
	// {Name:example Written:0 Dropped:2 Waiting:3}
	// one
	// two
	// three
	// (2 are missing, the last one is five)
}

// Losses of one kind are added up if there is no room for them, so that their total is right in the end.
func ExampleConfig_keep() {
	type loss struct{ count int }
	stopped, goesOn := make(chan struct{}), make(chan struct{})
	losses := sink.New(sink.Config[loss]{
		Name: "example", Values: 1, Bytes: 1 << 10,
		Size: func(loss) int { return 8 },
		Write: func(l loss) error {
			if l.count == 1 {
				close(stopped)
				<-goesOn
			}
			fmt.Println("lost:", l.count)
			return nil
		},
		Keep: func(kept []loss, l loss) ([]loss, bool) {
			if len(kept) == 0 {
				return []loss{l}, true
			}
			kept[0].count += l.count
			return kept, true
		},
		Missed: func(_ uint64, _ loss, kept []loss) []loss { return kept },
	})
	losses.Put(loss{1})
	<-stopped
	for _, n := range []int{2, 10, 20, 30} {
		losses.Put(loss{n})
	}
	close(goesOn)
	if err := losses.Close(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// lost: 1
	// lost: 2
	// lost: 60
}
