// Package service tells systemd how nsviz is, where that runs it as a service of Type=notify: when it is ready, whether it still moves
// (WatchdogSec=), and that it ends. Without systemd it does nothing.
package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/nsviz/nsviz/internal/pause"
)

// Config says what is reported.
type Config struct {
	// Ready is closed when everything that happens is seen.
	Ready <-chan struct{}
	// Status is what `systemctl status` shows from then on.
	Status string
	// Sync waits until what had happened by now has gone the whole way. It returns false if its context is done before.
	Sync func(context.Context) bool
	Log  *slog.Logger
}

// Run reports to systemd until ctx is done. The watchdog gets an answer only after an event has gone all the way from the kernel
// through nsviz: a program whose timers run while it handles nothing is restarted.
func Run(ctx context.Context, c Config) {
	reporting{Config: c, writing: make(chan struct{}, 1)}.run(ctx)
}

// reporting reports to systemd.
type reporting struct {
	Config

	writing chan struct{} // holds a value while a message is written
}

func (c reporting) run(ctx context.Context) {
	interval, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		c.Log.Warn("systemd's watchdog gets no answer", "error", err)
	}
	c.notify("STATUS=attaching the probes")
	select {
	case <-c.Ready:
		ready := c.notify(daemon.SdNotifyReady, "STATUS="+c.Status)
		if interval > 0 {
			c.answer(ctx, interval/2, ready) // as sd_watchdog_enabled(3) recommends
		}
		for !ready && pause.Wait(ctx, readyAgain) {
			ready = c.notify(daemon.SdNotifyReady, "STATUS="+c.Status)
		}
		<-ctx.Done()
	case <-ctx.Done():
	}
	c.notify(daemon.SdNotifyStopping, "STATUS=detaching the probes")
}

// readyAgain is when a message without which systemd gives up on the service is sent again, if it was left out.
const readyAgain = time.Second

// answer answers the watchdog until ctx is done. It also says that the service is ready, if that has not been said.
func (c reporting) answer(ctx context.Context, interval time.Duration, ready bool) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	moved := true
	for {
		before := moved
		within, cancel := context.WithTimeout(ctx, interval)
		moved = c.Sync(within)
		cancel()
		switch {
		case ctx.Err() != nil:
			return
		case moved:
			c.notify(daemon.SdNotifyWatchdog)
			if !ready {
				ready = c.notify(daemon.SdNotifyReady, "STATUS="+c.Status)
			}
			if !before {
				c.notify("STATUS=" + c.Status)
			}
		case before:
			c.Log.Error("what happens is not handled in time; systemd's watchdog gets no answer", "waited", interval)
			c.notify(fmt.Sprintf("STATUS=what happens is not handled: nothing has gone through for %v", interval))
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// notifyPatience is how long a message to systemd may take. A socket whose queue is full holds up who writes to it.
const notifyPatience = 300 * time.Millisecond

var errBusy = errors.New("it takes no messages")

// notify sends a message to systemd, where that listens. While one is held up further ones are left out. It returns false if the message was left
// out or could not be sent.
func (c reporting) notify(lines ...string) bool {
	warn := func(err error) { c.Log.Warn("a message to systemd was not sent", "message", lines[0], "error", err) }
	select {
	case c.writing <- struct{}{}:
	default:
		warn(errBusy)
		return false
	}
	sent := make(chan error, 1)
	go func() {
		_, err := daemon.SdNotify(false, strings.Join(lines, "\n"))
		<-c.writing
		sent <- err
	}()
	late := time.NewTimer(notifyPatience)
	defer late.Stop()
	select {
	case err := <-sent:
		if err != nil {
			warn(err)
		}
		return err == nil
	case <-late.C: // it is sent when systemd takes it
		warn(errBusy)
		return true
	}
}
