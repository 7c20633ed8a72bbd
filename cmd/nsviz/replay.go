package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/nsviz/nsviz/internal/output"
	"github.com/nsviz/nsviz/internal/record"
	"github.com/nsviz/nsviz/internal/replay"
	"github.com/nsviz/nsviz/internal/ui"
)

func newReplay(s *streams, o *options) *cobra.Command {
	var speed float64
	var frame frameFlags
	cmd := &cobra.Command{
		Use: "replay FILE", GroupID: groupReplay, Args: arguments("FILE"),
		Short: "Show the dashboard from a recording; needs no root",
		Long: `Shows the dashboard from a recording, made by nsviz record. It needs no root.

Space stops it and lets it go on. ← stops it, too, and then ← and → step back and on, event by event, with
shift by ten seconds, and Home and End lead to the start and the end of the recording. + and - play it
faster and slower. ? lists all keys.

With --svg, --text or --json it writes one screen of the recording to stdout instead, as of its end or of --at:
a picture, text, or what ps, ns, events or inspect report about it with -o json. That needs no terminal.`,
		Example: `  nsviz replay FILE --speed 10
  nsviz replay FILE --svg --at 14:03:10 > moment.svg
  nsviz replay FILE --svg --view map --size 160x48 --theme light > map.svg
  nsviz replay FILE --text --open web`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if wanted, err := frame.wanted(cmd); err != nil || wanted {
				if err != nil {
					return err
				}
				return frame.write(s, o, args[0])
			}
			return playBack(cmd.Context(), s, o, args[0], speed)
		},
	}
	cmd.Flags().Var(newChecked(&speed, 1, "float", parseSpeed), "speed", "how much faster than it happened")
	themeFlag(cmd, &o.theme)
	o.tableFlags(cmd)
	frame.flags(cmd, s)
	return cmd
}

func playBack(ctx context.Context, s *streams, o *options, path string, speed float64) error {
	reader, file, err := record.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	if !output.IsTerminal(s.out) {
		return errUnsupported{errors.New("stdout is no terminal to draw on; run nsviz replay in one")}
	}
	notes := &ui.Notes{}
	adoptLogs(slog.New(notes))
	notes.Add("replay of " + path)
	player := replay.New(reader, speed, time.After)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	played := make(chan error, 1)
	go func() {
		err := player.Run(ctx)
		switch {
		case errors.Is(err, record.ErrCutShort):
			notes.Add(err.Error())
		case err == nil && ctx.Err() == nil:
			notes.Add(o.keys.WithKeys("the recording ends here; {earlier} goes back, {quit} quits"))
		}
		for player.Resumed(ctx) { // the user went back
			_ = player.Run(ctx) // ends as before
		}
		played <- err
	}()
	err = show(ctx, player, ui.Options{
		Notes: notes.List, Zone: s.zone, Theme: o.theme, Columns: o.columns, Sort: o.sort, Keys: o.keys, Remember: o.remember(), Replay: true, Past: player, Speed: speed, SetSpeed: player.SetSpeed,
	})
	cancel()
	if failed := <-played; failed != nil {
		err = errors.Join(err, fmt.Errorf("%s: %w", path, failed))
	}
	return err
}
