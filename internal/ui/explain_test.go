package ui

import (
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
)

// Everything that the cursor can be on has an explanation, and a command that a shell can read.
func TestEverythingIsExplained(t *testing.T) {
	for name, s := range map[string]*model.Snapshot{
		"scene": scene(), "groups": sceneGroups(), "vms": sceneVMs(), "unknown": sceneUnknown(), "ended": sceneEnded(), "hostile": sceneHostile(), "limits": sceneLimits(),
		"machines": sceneVMsHostile(), "unseen": sceneUnseen(),
	} {
		for tab, v := range views {
			st := State{Tab: Tab(tab), Width: 120, Height: 36}
			for _, key := range v.keys(s, st) {
				topics := v.subject(s, st, key).topics
				if len(topics) == 0 {
					t.Errorf("%s, %s: nothing is said of %q", name, v.title(), key)
				}
				for _, topic := range topics {
					if topic.title == "" || len(topic.words) == 0 || !strings.HasSuffix(topic.words.String(), ".") {
						t.Errorf("%s, %s: of %q it says %q: %q", name, v.title(), key, topic.title, topic.words)
					}
					if strings.Contains(topic.hand, "PID/") || strings.Contains(topic.hand, "-p PID") || strings.Contains(topic.hand, " 0 ") {
						t.Errorf("%s: the PID is missing in %q", name, topic.hand)
					}
					if out, err := exec.Command("sh", "-n", "-c", topic.hand).CombinedOutput(); err != nil {
						t.Errorf("%s: no shell reads %q: %v\n%s", name, topic.hand, err, out)
					}
				}
			}
		}
	}
	for _, kind := range event.Types() {
		if eventMeaning(kind) == unknownMeaning {
			t.Errorf("it is not said what %s means", kind)
		}
	}
	for _, kind := range event.NamespaceTypes() {
		if of := isolationOf(kind); of.own == "" || of.host == "" || !strings.Contains(of.hand, "PID") {
			t.Errorf("%v is not explained: %+v", kind, of)
		}
	}
}

// The commands have the row's own numbers.
func TestExplanationsByHand(t *testing.T) {
	s := scene()
	var hands []string
	for _, topic := range workloadSubject(s, State{}, hogID).topics {
		hands = append(hands, topic.hand)
	}
	all := strings.Join(hands, "\n")
	for _, want := range []string{
		"ps -o pid,ppid,user,rss,args -p 28473 --ppid 28473", "lsns -p 28473", "findmnt -N 28473", "grep NSpid /proc/28473/status", "nsenter -t 28473 -n ip -brief address",
		"cat /sys/fs/cgroup/memory/docker/" + hogID + "/memory.limit_in_bytes", "/memory.oom_control", "nsviz why hog",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("no %q in\n%s", want, all)
		}
	}
	s.Host.CgroupVersion = "v2"
	if got := memoryTopic("hog", &s.Containers[3], "v2").hand; got != "cat /sys/fs/cgroup/docker/"+hogID+"/memory.max" {
		t.Errorf("on v2: %q", got)
	}
	if got := readBy(memoryFile(`/a.slice/b\x2d.scope/it's`, "v2", "", "memory.max")); got != `cat '/sys/fs/cgroup/a.slice/b\x2d.scope/it'\''s/memory.max'` {
		t.Errorf("a path with signs of the shell: %q", got)
	}
}

// joined returns a text without blanks, since it may be wrapped anywhere.
func joined(s string) string { return strings.Join(strings.Fields(s), "") }

// w goes through the topics and closes behind the last; the panel follows the cursor; Esc closes it before what is open.
func TestExplain(t *testing.T) {
	s := scene()
	st := on(Containers, hogID)
	st.Width, st.Height = 120, 36
	topics := workloadSubject(s, st, hogID).topics
	for i := range topics {
		st = press(st, s, letters("w")...)
		if frame := Render(s, st, 120, 36).Text(); !strings.Contains(frame, "── "+topics[i].title+",") || !strings.Contains(joined(frame), joined(topics[i].hand)) {
			t.Errorf("topic %d is not on\n%s", i, frame)
		}
	}
	if st = press(st, s, letters("w")...); st.Explain != 0 {
		t.Errorf("behind the last topic comes %d", st.Explain)
	}
	st = press(st, s, append(letters("w"), Key{Name: KeyUp})...)
	if frame := Render(s, st, 120, 36).Text(); !strings.Contains(frame, "── sidecar,") {
		t.Errorf("the panel does not follow the cursor:\n%s", frame)
	}
	st = press(st, s, Key{Name: KeyEnter}, Key{Name: KeyEsc})
	if st.Explain != 0 || st.Open == "" {
		t.Errorf("Esc closes %+v", st)
	}
	// The last line of a page can be reached above the panel.
	page := State{Width: 80, Height: 24}
	page = press(page, s, Key{Name: KeyEnter}, letters("w")[0], Key{Name: KeyEnd})
	lines := pageLines(s, page, 80)
	if last := lines[len(lines)-1].String(); !strings.Contains(Render(s, page, 80, 24).Text(), strings.TrimRight(last, " ")) {
		t.Errorf("no %q in\n%s", last, Render(s, page, 80, 24).Text())
	}
}

// A name that is none of a shell's words does nothing in the shell of whoever types or pastes the command.
func TestCommandsQuoteNames(t *testing.T) {
	for name, want := range map[string]string{
		"web":         "nsviz why web --history",
		"a b;reboot":  "nsviz why 'a b;reboot' --history",
		"--config=/x": "nsviz why --history -- --config=/x",
		"-'":          `nsviz why --history -- '-'\'''`,
		"a\nb":        `nsviz why 'a\x0ab' --history`,
	} {
		if got := ownCommand("why", name, "--history"); got != want {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
	}
	s := scene()
	hog := &s.Containers[3]
	hog.Label = "$(reboot)"
	for len(hog.History) < 200 {
		hog.History = append(hog.History, hog.History...)
	}
	st := withInspection(State{Width: 60, Height: 40}, hog.ID, hog.InitPID, hogDissection())
	st.Inspections[0].Dissection.MoreProcesses = 9
	st.Open = hog.ID
	page := joined(strings.ReplaceAll(linesText(pageLines(s, st, 60)), "│", ""))
	for _, verb := range []string{"why", "inspect"} {
		if !strings.Contains(page, "nsviz"+verb+"'$(reboot)'") {
			t.Errorf("no command nsviz %s in\n%s", verb, page)
		}
	}
}

func TestCopy(t *testing.T) {
	s := sceneVMs()
	for _, tt := range []struct {
		st   State
		want string
		what string
	}{
		{on(Containers, hogID), hogID, "the id of hog"},
		{on(Containers, vmKey(&s.VMs[0])), strconv.Itoa(int(s.VMs[0].PID)), "the PID of "},
		{on(Namespaces, "net:4026532182"), "4026532182", "the number of a net namespace"},
		{on(Kills, ""), hogID, "the id of hog"},
		{on(Events, ""), hogID, "the id of hog"},
	} {
		st, action := Update(tt.st, letters("y")[0], s)
		if action != Copy || !strings.HasPrefix(st.Clip, tt.want) || !strings.Contains(st.Note, tt.what) {
			t.Errorf("%s: copied %q (%d): %s", tt.what, st.Clip, action, st.Note)
		}
		if st = press(st, s, letters("n")...); st.Note != "" {
			t.Errorf("the note stays: %q", st.Note)
		}
	}
	explained := press(on(Containers, hogID), s, letters("ww")...)
	if st, action := Update(explained, letters("Y")[0], s); action != Copy || st.Clip != "lsns -p 28473" {
		t.Errorf("Y copied %q (%d)", st.Clip, action)
	}
	// What an engine calls itself cannot write to the terminal, nor fill the clipboard.
	hostile := &model.Snapshot{Containers: []model.Container{{ID: "a\x1b]52;c;x\a\n", Label: "web", State: model.Running}}}
	if st, _ := Update(State{}, letters("y")[0], hostile); strings.ContainsAny(st.Clip, "\x1b\a\n") {
		t.Errorf("copied %q", st.Clip)
	}
	hostile.Containers[0].ID = strings.Repeat("x", maxCopy+1)
	if st, action := Update(State{}, letters("y")[0], hostile); action != Stay || st.Clip != "" {
		t.Errorf("copied %d bytes", len(st.Clip))
	}
	if st, action := Update(State{}, letters("y")[0], sceneEmpty()); action != Stay || st.Note == "" {
		t.Errorf("of nothing it copied %q", st.Clip)
	}
}
