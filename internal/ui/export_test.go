package ui

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gdamore/tcell/v2"

	"github.com/nsviz/nsviz/internal/anatomy"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/report"
)

// document returns what WriteJSON writes.
func document(t *testing.T, s *model.Snapshot, st State) string {
	t.Helper()
	var b bytes.Buffer
	if err := st.writeJSON(&b, s); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func written(t *testing.T, v any) string {
	t.Helper()
	var b bytes.Buffer
	if err := report.WriteJSON(&b, v); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// What is written is what the commands say.
func TestJSONIsThatOfTheCommands(t *testing.T) {
	s := sceneVMs()
	s.Namespaces = sceneNamespaces()
	if got, want := document(t, s, on(Containers, "")), written(t, report.Workloads(s)); got != want {
		t.Errorf("the workloads are\n%s\nwant\n%s", got, want)
	}
	if got, want := document(t, s, on(Map, "")), written(t, report.Workloads(s)); got != want {
		t.Errorf("the map is\n%s\nwant\n%s", got, want)
	}
	if got, want := document(t, s, on(Namespaces, "")), written(t, report.Namespaces(s)); got != want {
		t.Errorf("the namespaces are\n%s\nwant\n%s", got, want)
	}
	lines := func(list []event.Event) string {
		var b strings.Builder
		for _, e := range list {
			line, err := json.Marshal(e)
			if err != nil {
				t.Fatal(err)
			}
			b.Write(append(line, '\n'))
		}
		return b.String()
	}
	s = scene()
	if got, want := document(t, s, on(Events, "")), lines(s.Events); got != want {
		t.Errorf("the events are\n%s\nwant\n%s", got, want)
	}
	var kills []event.Event
	for i := range s.Kills {
		kills = append(kills, s.Kills[i].Event)
	}
	if got, want := document(t, s, on(Kills, "")), lines(kills); got != want {
		t.Errorf("the kills are\n%s\nwant\n%s", got, want)
	}
	st := on(Kills, "")
	st.Open = killKey(&s.Kills[3])
	if got, want := document(t, s, st), lines(kills[3:4]); got != want {
		t.Errorf("the kill is\n%s\nwant\n%s", got, want)
	}
	if err := on(Host, "").writeJSON(io.Discard, s); err == nil {
		t.Error("the host is written")
	}
}

// The search, the filter and the frozen screen apply; folded groups do not.
func TestJSONIsOfWhatIsListed(t *testing.T) {
	s := sceneGroups()
	names := func(st State) (list []string) {
		var of []report.Workload
		if err := json.Unmarshal([]byte(document(t, s, st)), &of); err != nil {
			t.Fatal(err)
		}
		for i := range of {
			list = append(list, of[i].Label())
		}
		return list
	}
	all := names(on(Containers, ""))
	if len(all) < 4 {
		t.Fatalf("all are %q", all)
	}
	st := on(Containers, "")
	st.Folded = map[string]bool{shopHeading: true}
	if got := names(st); !slices.Equal(got, all) {
		t.Errorf("with a folded group %q, want %q", got, all)
	}
	st.Search = "web"
	if got := names(st); len(got) == 0 || len(got) == len(all) {
		t.Errorf("the search finds %q", got)
	}
	st.Search, st.Filter[workloadRows] = "", "name="+all[1]
	if got := names(st); !slices.Equal(got, all[1:2]) {
		t.Errorf("the filter finds %q, want %q", got, all[1:2])
	}
	st = on(Containers, "")
	st.Frozen = sceneEmpty()
	if got := names(st); len(got) != 0 {
		t.Errorf("on the frozen screen are %q", got)
	}
}

// The page of a container is what nsviz inspect says, or nsviz inspect --from if it was not read.
func TestJSONOfAPage(t *testing.T) {
	s := scene()
	c := &s.Containers[0]
	st := on(Containers, "")
	st.Open = containerKey(c)
	if got, want := document(t, s, st), written(t, report.NewKnown(c, s)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	a := &anatomy.Anatomy{Unknown: []string{"nearly all of it"}}
	st.Inspections = []Inspection{{ID: c.ID, InitPID: c.InitPID, Dissection: report.Dissect(a)}}
	if got, want := document(t, s, st), written(t, a); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestExportKeys(t *testing.T) {
	s := scene()
	for keys, want := range map[string]ExportForm{"et": ExportText, "es": ExportSVG, "ej": ExportJSON} {
		st, action := State{Width: 120, Height: 36}, Stay
		for _, key := range letters(keys) {
			st, action = Update(st, key, s)
		}
		if action != Export || st.ExportForm != want || st.Exporting {
			t.Errorf("%s is %v of %q, %v", keys, action, st.ExportForm, st.Exporting)
		}
	}
	host := press(on(Host, ""), s, letters("e")...)
	if _, action := Update(host, letters("j")[0], s); action != Stay {
		t.Error("the host is written as JSON")
	}
	if st := press(State{}, s, letters("eq")...); st.Exporting {
		t.Error("q does not close it")
	}
	st := press(State{Width: 120, Height: 36}, s, letters("e")...)
	if st = press(st, s, Key{Name: KeyMouse, Mouse: Mouse{X: 1, Y: 5, Button: MouseLeft}}); st.Exporting {
		t.Error("a click beside the forms does not close it")
	}
}

func TestExportWritesFiles(t *testing.T) {
	screen, dir := newSimulated(), t.TempDir()
	wait := start(t.Context(), Options{Screen: screen, Snapshots: scene, Theme: Dark, Directory: dir})
	<-screen.ready
	for form, key := range map[ExportForm]rune{ExportText: 't', ExportSVG: 's', ExportJSON: 'j'} {
		screen.InjectKey(tcell.KeyRune, 'e', 0)
		screen.InjectKey(tcell.KeyRune, key, 0)
		screen.await(t, "wrote "+dir[:8])
		name := filepath.Join(dir, State{}.fileName(scene())+"."+string(form))
		contents, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range map[ExportForm][]string{
			ExportText: {"OOM KILL", "12:26:15", "q quit"}, ExportSVG: {"<svg", ">hog</text>", "#10161d"}, ExportJSON: {`"name": "hog"`},
		}[form] {
			if !strings.Contains(string(contents), want) {
				t.Errorf("%s lacks %s:\n%s", name, want, contents)
			}
		}
		screen.InjectKey(tcell.KeyRune, 'm', 0) // takes the note away
		screen.await(t, "the mouse is the terminal's")
		screen.InjectKey(tcell.KeyRune, 'm', 0)
	}
	screen.InjectKey(tcell.KeyRune, 'q', 0)
	if err := wait(); err != nil {
		t.Error(err)
	}
}

func TestExportSaysWhyNot(t *testing.T) {
	e := newExporter(filepath.Join(t.TempDir(), "missing"))
	st := on(Containers, "")
	st.Width, st.Height, st.ExportForm = 80, 24, ExportText
	e.writing = true
	if note := e.export(scene(), st, Dark); note != "the last file is still being written" {
		t.Error(note)
	}
	e.writing = false
	e.export(scene(), st, Dark)
	if note := <-e.results; !strings.Contains(note, "nothing was written") || !strings.Contains(note, "no such file or directory") {
		t.Error(note)
	}
	awaitBriefly(&e.running)
}

func TestWriteNewReplacesNothing(t *testing.T) {
	dir := t.TempDir()
	base := filepath.Join(dir, "nsviz-x")
	if err := os.Symlink(filepath.Join(dir, "target"), base+".txt"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(base+"-2.txt", []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	hello := func(w io.Writer) error { _, err := io.WriteString(w, "hello"); return err }
	path, size, err := writeNew(base, "txt", hello)
	if err != nil || path != base+"-3.txt" || size != 5 {
		t.Errorf("%s, %d, %v", path, size, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if _, err := os.Lstat(filepath.Join(dir, "target")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the link was followed: %v", err)
	}
	if mine, err := os.ReadFile(base + "-2.txt"); err != nil || string(mine) != "mine" {
		t.Errorf("%q, %v", mine, err)
	}
	full := errors.New("full")
	if _, _, err := writeNew(base, "txt", func(io.Writer) error { return full }); !errors.Is(err, full) {
		t.Error(err)
	}
	if _, err := os.Lstat(base + "-4.txt"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("half a file stays: %v", err)
	}
}
