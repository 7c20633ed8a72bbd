package netfs

import (
	"os"
	"testing"

	"github.com/nsviz/nsviz/internal/host/hosttest"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

func TestTraffic(t *testing.T) {
	const head = "Inter-|   Receive                                                |  Transmit\n" +
		" face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n"
	proc := t.TempDir()
	r := New(pseudofs.Proc(proc))
	for text, want := range map[string][2]uint64{
		head + "    lo: 900 1 0 0 0 0 0 0 900 1 0 0 0 0 0 0\n  eth0: 100 1 0 0 0 0 0 0 20 1 0 0 0 0 0 0\neth0:1: 1 1 0 0 0 0 0 0 2 1 0 0 0 0 0 0\n": {101, 22},
		head: {},
	} {
		hosttest.WriteFile(t, proc+"/50/net/dev", text)
		received, sent, err := r.Traffic(50)
		if got := [2]uint64{received, sent}; err != nil || got != want {
			t.Errorf("%v, want %v, %v", got, want, err)
		}
	}
	for _, text := range []string{head + " eth0: 1 2\n", head + " eth0: -1 1 0 0 0 0 0 0 2 1 0 0 0 0 0 0\n"} {
		hosttest.WriteFile(t, proc+"/50/net/dev", text)
		if received, sent, err := r.Traffic(50); err == nil {
			t.Errorf("%q: %d, %d", text, received, sent)
		}
	}
	if _, _, err := r.Traffic(51); !os.IsNotExist(err) {
		t.Errorf("without a process: %v", err)
	}
}
