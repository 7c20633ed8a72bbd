package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nsviz/nsviz/internal/client"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/record"
	"github.com/nsviz/nsviz/internal/ui"
)

// frameFlags are the flags of nsviz replay for a single screen of a recording.
type frameFlags struct {
	svg, text, json bool
	at              when // "" is the end
	view            ui.Tab
	open            string
	size            size
}

// frameOnly are those that say what the screen is.
var frameOnly = []string{"at", "view", "open", "size"}

func (f *frameFlags) flags(cmd *cobra.Command, s *streams) {
	flags := cmd.Flags()
	flags.BoolVar(&f.svg, "svg", false, "write one screen as a picture (SVG)")
	flags.BoolVar(&f.text, "text", false, "write one screen as text")
	flags.BoolVar(&f.json, "json", false, "write what one screen lists as JSON")
	f.at.flag(cmd, s, "at", "the time of the screen: "+whenWords+" (default the end)")
	flags.Var(newChecked(&f.view, ui.Containers, "string", ui.ParseView), "view", "the view of the screen: "+strings.Join(ui.ViewNames(), ", "))
	flags.Lookup("view").DefValue = ui.Containers.Name()
	flags.StringVar(&f.open, "open", "", "open the page of a workload, with --view namespaces of a namespace, with --view oom-kills of the latest kill in a container")
	flags.Var(newChecked(&f.size, size{120, 36}, "string", parseSize), "size", "the columns and lines of the screen")
	_ = cmd.RegisterFlagCompletionFunc("view", cobra.FixedCompletions(ui.ViewNames(), cobra.ShellCompDirectiveNoFileComp))
}

// wanted reports whether a single screen is to be written.
func (f *frameFlags) wanted(cmd *cobra.Command) (bool, error) {
	forms := 0
	for _, name := range []string{"svg", "text", "json"} {
		if is, _ := cmd.Flags().GetBool(name); is { // it is one
			forms++
		}
	}
	if forms > 1 {
		return false, errUsage{errors.New("--svg, --text and --json exclude each other")}
	}
	if forms == 1 && cmd.Flags().Changed("speed") {
		return false, errUsage{errors.New("--speed is for a replay, not for a single screen")}
	}
	for _, name := range frameOnly {
		if forms == 0 && cmd.Flags().Changed(name) {
			return false, errUsage{fmt.Errorf("--%s is for a single screen: say --svg, --text or --json, too", name)}
		}
	}
	return forms == 1, nil
}

// write writes a screen of a recording. Of one that breaks off what there is is written, and an error is returned as well.
func (f *frameFlags) write(s *streams, o *options, path string) error {
	at, err := f.at.of(client.Source{Recording: path}, s.zone)
	if err != nil {
		return err
	}
	reader, file, err := record.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	snapshot, cut := record.ReadUntil(reader, model.DefaultLimits(), at)
	if cut != nil {
		cut = fmt.Errorf("%s: %w", path, cut)
	}
	if snapshot.Facts == 0 && !at.IsZero() && cut == nil {
		return fmt.Errorf("%s: the recording begins after that time", path)
	}
	st := ui.State{Tab: f.view, Columns: o.columns, Sort: o.sort, Keys: o.keys, Replay: true, Zone: s.zone, Width: f.size.columns, Height: f.size.rows, ExportForm: ui.ExportText}
	switch {
	case f.svg:
		st.ExportForm = ui.ExportSVG
	case f.json:
		st.ExportForm = ui.ExportJSON
	}
	if f.open != "" {
		if st, err = st.OpenNamed(snapshot, f.open); err != nil {
			return errors.Join(fmt.Errorf("--open: %w", err), cut)
		}
	}
	return errors.Join(st.Write(s.out, snapshot, o.theme), cut)
}

// size is the size of a screen.
type size struct{ columns, rows int }

func (s size) String() string { return fmt.Sprintf("%dx%d", s.columns, s.rows) }

// maxSide is longer than any screen.
const maxSide = 1000

// parseSize parses COLUMNSxLINES.
func parseSize(text string) (size, error) {
	columns, rows, _ := strings.Cut(text, "x")
	w, err := strconv.Atoi(columns)
	h, err2 := strconv.Atoi(rows)
	if errors.Join(err, err2) != nil || min(w, h) < 1 || max(w, h) > maxSide {
		return size{}, fmt.Errorf("want columns and lines up to %d, such as 120x36", maxSide)
	}
	return size{w, h}, nil
}
