package replay_test

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"time"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/record"
	"github.com/nsviz/nsviz/internal/replay"
)

// Plays a recording at sixty times its pace: the minute takes a second.
func ExamplePlayer() {
	r, err := record.NewReader(written())
	if err != nil {
		log.Print(err)
		return
	}
	p := replay.New(r, 60, func(d time.Duration) <-chan time.Time {
		fmt.Println("wait for", d)
		return time.After(0) // time.After in earnest
	})
	if err := p.Run(context.Background()); err != nil {
		log.Print(err)
	}
	<-p.Changed() // a view waits for this
	fmt.Println(p.Snapshot().Time.Format(time.TimeOnly))
	// Output:
	// wait for 1s
	// 12:01:00
}

// written returns a recording of a minute.
func written() *bytes.Reader {
	begin := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var b bytes.Buffer
	w, err := record.NewWriter(&b, begin)
	if err != nil {
		panic(err)
	}
	for _, f := range []fact.Fact{{Time: begin, Host: &fact.Host{Name: "node-1"}}, {Time: begin.Add(time.Minute)}} {
		if err := w.Write(f); err != nil {
			panic(err)
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return bytes.NewReader(b.Bytes())
}
