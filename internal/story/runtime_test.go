package story

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

// Sentences name the commands that an engine has, and none that it has not.
func TestCommandsOfEveryRuntime(t *testing.T) {
	byEngine := func(x *event.Exit) func(*model.Container) Text {
		return func(c *model.Container) Text {
			c.Exited, c.Exit = at(0), x
			return Container(c, &model.Snapshot{})
		}
	}
	entry := func(m model.Entry) func(*model.Container) Text {
		return func(c *model.Container) Text { return Entry(&m, c) }
	}
	own := []model.EntryNamespace{{Type: event.Mnt, Own: true}, {Type: event.Net, Own: true}}
	tests := map[string]struct {
		words func(*model.Container) Text
		// want is for Docker, bare for a runtime without commands, with {name} for the engine and {Name} where a sentence begins with it.
		want, bare string
	}{
		"killed": {
			byEngine(signalled(9, sender(4242, "runc", 0, nil))), "web was ended by its engine: runc (PID 4242, uid 0) sent SIGKILL without asking before, as `docker kill` and `docker rm --force` do.",
			"web was ended by its engine: runc (PID 4242, uid 0) sent SIGKILL without asking before.",
		},
		"asked": {
			byEngine(signalled(15, sender(4242, "runc", 0, nil))), "web was ended by its engine: runc (PID 4242, uid 0) sent SIGTERM, as `docker stop` does first.",
			"web was ended by its engine: runc (PID 4242, uid 0) sent SIGTERM.",
		},
		"asked, then killed": {
			byEngine(asked(signalled(9, sender(4242, "runc", 0, nil)), 15, 10*time.Second, sender(4242, "runc", 0, nil))),
			"web was ended by its engine: runc (PID 4242, uid 0) sent SIGKILL 10.0 s after SIGTERM, which had not ended it: that is the second step of `docker stop`.",
			"web was ended by its engine: runc (PID 4242, uid 0) sent SIGKILL 10.0 s after SIGTERM, which had not ended it.",
		},
		"obeyed": {
			byEngine(asked(exited(0), 15, time.Second, sender(4242, "runc", 0, nil))),
			"web ended by itself with exit code 0. 1.0 s before, runc (PID 4242, uid 0) had sent it SIGTERM, as `docker stop` does first.",
			"web ended by itself with exit code 0. 1.0 s before, runc (PID 4242, uid 0) had sent it SIGTERM.",
		},
		"joined": {
			entry(model.Entry{Kind: model.EntryKind(event.NamespaceJoined), By: sender(4242, "runc", 0, nil), Namespaces: own}),
			"runc (PID 4242, uid 0, of the host) joined its mnt and net namespaces, as `docker exec` does", "runc (PID 4242, uid 0, of the host) joined its mnt and net namespaces",
		},
		"entered": {
			entry(model.Entry{
				Kind: model.EntryKind(event.ContainerEntered), By: sender(4242, "runc", 0, nil), Process: sender(4250, "sh", 1000, nil),
				Entered: &event.Entered{CommandLine: "sh -c id"}, Count: 3,
			}),
			"runc (PID 4242, uid 0, of the host) ran `sh -c id` in it (PID 4250, uid 1000), as `docker exec` does, 3 times",
			"runc (PID 4242, uid 0, of the host) ran `sh -c id` in it (PID 4250, uid 1000), 3 times",
		},
		"entered by hand": {
			entry(model.Entry{
				Kind: model.EntryKind(event.ContainerEntered), By: sender(4242, "nsenter", 1000, nil), Process: &event.Process{Comm: "sh"},
				Entered: &event.Entered{CommandLine: "sh -c id", CommandLineCut: true},
			}),
			"nsenter (PID 4242, uid 1000, of the host) ran `sh -c id…` in it", "nsenter (PID 4242, uid 1000, of the host) ran `sh -c id…` in it",
		},
		"entered, and no more is known": {
			entry(model.Entry{Kind: model.EntryKind(event.ContainerEntered), Process: &event.Process{Comm: "sh"}}),
			"somebody ran `sh` in it", "somebody ran `sh` in it",
		},
		"reported": {entry(model.Entry{Kind: model.EntryEngineEvent, Action: "rename"}), "docker reported: rename", "{name} reported: rename"},
		"paused": {
			entry(model.Entry{Kind: model.EntryPaused, By: sender(4242, "runc", 0, nil)}),
			"runc (PID 4242, uid 0, of the host) paused it, as `docker pause` does", "runc (PID 4242, uid 0, of the host) paused it",
		},
		"judged": {
			entry(model.Entry{Kind: model.EntryEngineReport, EngineReport: says(137, false)}), "docker reported about its end: exit code 137, OOMKilled=false",
			"{name} reported about its end: exit code 137, OOMKilled=false",
		},
		"right": {
			func(c *model.Container) Text {
				c.EngineReport = says(0, false)
				return byEngine(exited(0))(c)
			},
			"web ended by itself with exit code 0. docker says exit code 0 and OOMKilled=false, which is right.",
			"web ended by itself with exit code 0. {Name} says exit code 0 and OOMKilled=false, which is right.",
		},
		"made and removed": {
			func(c *model.Container) Text {
				c.State, c.NeverStarted = model.Created, &fact.NeverStarted{Made: at(0), Tried: at(0), Failed: at(1), Removed: at(2), Error: "busy", ExitCode: new(int32(128))}
				return Container(c, &model.Snapshot{})
			},
			"web never started: docker could not start it: busy. The exit code 128 is docker's own code for that. Its cgroup was made at {at0} and removed " +
				"after 1.0 s, and no program of its own ran in it. docker removed it at {at2}.",
			"web never started: {name} could not start it: busy. The exit code 128 is {name}'s own code for that. Its cgroup was made at {at0} and removed " +
				"after 1.0 s, and no program of its own ran in it. {Name} removed it at {at2}.",
		},
	}
	rows := append([]runtime.Runtime{{Name: "of a later version"}}, runtime.All()...)
	for name, test := range tests {
		for _, r := range rows {
			c := &model.Container{ID: webID, Label: "web", Named: true, Runtime: r.Name, State: model.Exited, InitPID: 100, InitComm: "sh"}
			inside, begins := r.Name, r.Name
			if r.Name == runtime.Unknown {
				inside, begins = "its engine", "Its engine"
			}
			want := test.bare
			if r.RunFlags { // its commands are called like Docker's
				want = strings.ReplaceAll(test.want, "docker", r.Name)
			} else if len(r.Commands) > 0 {
				for _, quoted := range quotedCommand.FindAllStringSubmatch(test.words(c).String(), -1) {
					if !slices.Contains(slices.Collect(maps.Values(r.Commands)), quoted[1]) && !strings.Contains(test.bare, quoted[0]) {
						t.Errorf("%s, runtime %q has no command %s", name, r.Name, quoted[1])
					}
				}
				continue
			}
			want = strings.NewReplacer("{name}", inside, "{Name}", begins, "{at0}", at(0).UTC().Format(fullTime)+" UTC", "{at2}", at(2).UTC().Format(fullTime)+" UTC").Replace(want)
			if got := test.words(c).String(); got != want {
				t.Errorf("%s, runtime %q:\ngot  %s\nwant %s", name, r.Name, got, want)
			}
		}
	}
}

var quotedCommand = regexp.MustCompile("`([^`]*)`")

// A runtime may have only some commands.
func TestAsCommands(t *testing.T) {
	c := &model.Container{Runtime: runtime.Docker}
	for _, test := range []struct {
		verbs []runtime.Verb
		want  string
	}{
		{nil, ""}, {[]runtime.Verb{"dance"}, ""}, {[]runtime.Verb{runtime.Kill, "dance"}, ", as `docker kill` does"},
		{[]runtime.Verb{runtime.Kill, runtime.Remove}, ", as `docker kill` and `docker rm --force` do"},
	} {
		if got := asCommands(c, test.verbs...); got != test.want {
			t.Errorf("%v: %q, want %q", test.verbs, got, test.want)
		}
	}
}
