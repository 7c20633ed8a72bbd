package ui

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
)

var update = flag.Bool("update", false, "write the golden files anew")

// press applies keys to a view, one after the other.
func press(v State, s *model.Snapshot, keys ...Key) State {
	for _, k := range keys {
		v, _ = Update(v, k, s)
	}
	return v
}

func letters(text string) (keys []Key) {
	for _, r := range text {
		keys = append(keys, Key{Name: KeyRune, Rune: r})
	}
	return keys
}

func on(tab Tab, cursor string) State {
	v := State{Tab: tab}
	v.Cursor[tab] = cursor
	return v
}

func TestGolden(t *testing.T) {
	enter := Key{Name: KeyEnter}
	notes := []string{"metrics on http://127.0.0.1:10064/metrics"}
	noted := withNotes(on(Containers, hogID), notes)
	later := scene()
	later.Totals.Events[event.OOMKill] += 37

	pastNow, past := scenePast()
	for _, tt := range []struct {
		name string
		s    *model.Snapshot
		v    State
		w, h int
	}{
		{"containers_120x40", scene(), noted, 120, 40},
		{"containers_80x24", scene(), noted, 80, 24},
		{"containers_60x20", scene(), noted, 60, 20},
		{"containers_20x5", scene(), noted, 20, 5},
		{"containers_200x50", scene(), noted, 200, 50},
		{"containers_empty", sceneEmpty(), State{}, 120, 40},
		{"containers_first", sceneFirst(), State{}, 80, 24},
		{"containers_lossy", sceneLossy(), State{}, 120, 40},
		{"containers_hostile", sceneHostile(), State{}, 120, 40},
		{"containers_ended", sceneEnded(), State{}, 120, 40},
		{"containers_ended_80x24", sceneEnded(), State{}, 80, 24},
		{"containers_unknown", sceneUnknown(), State{}, 120, 40},
		{"containers_unknown_60x20", sceneUnknown(), State{}, 60, 20},
		{"containers_shared", sceneShared(), State{}, 120, 40},
		{"containers_limits", sceneLimits(), noted, 120, 40},
		{"containers_limits_60x20", sceneLimits(), noted, 60, 20},
		{"container_unheld", sceneLimits(), press(on(Containers, agentID), sceneLimits(), enter), 120, 40},
		{"container_refused", sceneLimits(), press(on(Containers, webID), sceneLimits(), enter), 120, 40},
		{"container_stuck", sceneLimits(), press(on(Containers, hogID), sceneLimits(), enter), 80, 24},
		{"containers_paused", scenePaused(), noted, 120, 40},
		{"container_paused", scenePaused(), press(on(Containers, webID), scenePaused(), enter), 120, 40},
		{"container_paused_above", scenePaused(), press(on(Containers, agentID), scenePaused(), enter), 80, 24},
		{"events_moved", sceneLimits(), State{Tab: Events}, 120, 20},
		{"containers_abandoned", sceneAbandoned(), State{}, 120, 40},
		{"container_abandoned", sceneAbandoned(), press(on(Containers, sidecarID), sceneAbandoned(), enter), 120, 40},
		{"containers_many", sceneMany(200), on(Containers, fmt.Sprintf("%064x", 101)), 120, 40},
		{"containers_many_end", sceneMany(200), on(Containers, fmt.Sprintf("%064x", 200)), 80, 24},
		{"containers_frozen", later, State{Frozen: scene()}, 120, 40},
		{"past_200x50", pastNow, past, 200, 50},
		{"past_120x36", pastNow, past, 120, 36},
		{"past_80x24", pastNow, past, 80, 24},
		{"past_kill_80x24", pastNow, press(past, pastNow, letters("3")...), 80, 24},
		{"past_30x9", pastNow, past, 30, 9},
		{"containers_replay", scene(), State{Replay: true}, 80, 24},
		{"containers_typing", scene(), press(State{}, scene(), letters("/hog")...), 120, 40},
		{"containers_found", scene(), press(State{}, scene(), append(letters("/sIde"), enter)...), 80, 24},
		{"containers_not_found", scene(), press(State{}, scene(), append(letters("/zebra"), enter)...), 80, 24},
		{"containers_filtering", scene(), press(State{}, scene(), letters("foom>=0 && ")...), 120, 36},
		{"containers_filter_wrong_80x24", scene(), press(State{}, scene(), letters("foom>0 && imgae~nginx")...), 80, 24},
		{"containers_filtered", scene(), press(State{}, scene(), append(letters("fnet=shared"), enter)...), 80, 24},
		{"containers_filtered_out", scene(), press(State{}, scene(), append(letters("fexit=137"), enter)...), 120, 36},
		{"events_filtered", scene(), press(on(Events, ""), scene(), append(letters("ftype=oom_kill"), enter)...), 200, 50},
		{"explain_80x24", scene(), press(on(Containers, webID), scene(), letters("wwwww")...), 80, 24},
		{"explain_120x36", scene(), press(on(Containers, hogID), scene(), letters("w")...), 120, 36},
		{"explain_200x50", scene(), press(on(Containers, hogID), scene(), letters("wwwwwwwwwww")...), 200, 50},
		{"explain_page_80x24", scene(), press(on(Containers, hogID), scene(), enter, letters("w")[0]), 80, 24},
		{"explain_kill_120x36", scene(), press(on(Kills, ""), scene(), letters("w")...), 120, 36},
		{"explain_event_120x36", scene(), press(on(Events, ""), scene(), letters("w")...), 120, 36},
		{"explain_namespace_120x36", scene(), press(on(Namespaces, "net:4026532182"), scene(), letters("w")...), 120, 36},
		{"explain_vm_120x36", sceneVMs(), press(on(Containers, vmKey(&sceneVMs().VMs[0])), sceneVMs(), letters("w")...), 120, 36},
		{"explain_group_120x36", sceneGroups(), press(on(Containers, shopHeading), sceneGroups(), letters("w")...), 120, 36},
		{"copied_120x36", scene(), press(on(Containers, hogID), scene(), letters("y")...), 120, 36},
		{"columns_80x24", sceneUses(), noted, 80, 24},
		{"columns_120x36", sceneUses(), noted, 120, 36},
		{"columns_160x40", sceneUses(), noted, 160, 40},
		{"columns_200x50", sceneUses(), noted, 200, 50},
		{"columns_300x60", sceneUses(), noted, 300, 60},
		{"columns_long_names", sceneLongNames(), noted, 80, 24},
		{"columns_sorted", sceneUses(), State{Sort: Sort{By: columnCPU}}, 120, 36},
		{"columns_sorted_namespaces", sceneUses(), State{Sort: Sort{By: columnNamespaces, Reverse: true}}, 80, 24},
		{"columns_sorted_groups", sceneGroups(), State{Sort: Sort{By: columnMemory}}, 120, 40},
		{"columns_chosen", sceneUses(), State{Columns: []ColumnKey{columnThrottled, columnWorkingSet, columnCache, columnNamespaces, columnState, columnCreated, columnCPU, columnSwap}}, 120, 36},
		{"columns_chooser_80x24", sceneUses(), press(State{Width: 80, Height: 24}, sceneUses(), append(letters("o"), Key{Name: KeyDown}, Key{Name: KeyDown})...), 80, 24},
		{"columns_chooser_120x36", sceneUses(), press(State{Width: 120, Height: 36}, sceneUses(), append(letters("o"), Key{Name: KeyEnd}, letters(" ")[0])...), 120, 36},
		{"columns_chooser_200x50", sceneUses(), press(State{Width: 200, Height: 50}, sceneUses(), letters("o")...), 200, 50},
		{"columns_sort_80x24", sceneUses(), press(State{Width: 80, Height: 24}, sceneUses(), append(letters("s"), Key{Name: KeyDown}, letters(" ")[0])...), 80, 24},
		{"columns_sort_20x5", sceneUses(), press(State{Width: 20, Height: 5}, sceneUses(), letters("s")...), 20, 5},
		{"groups_200x50", sceneGroups(), on(Containers, webID), 200, 50},
		{"groups_120x40", sceneGroups(), on(Containers, shopHeading), 120, 40},
		{"groups_80x24", sceneGroups(), on(Containers, cartHeading), 80, 24},
		{"groups_60x20", sceneGroups(), State{}, 60, 20},
		{"groups_30x9", sceneGroups(), press(State{}, sceneGroups(), Key{Name: KeyDown}), 30, 9},
		{"groups_folded", sceneGroups(), folded(shopHeading), 120, 40},
		{"groups_found", sceneGroups(), press(State{}, sceneGroups(), letters("/cart-7d9f")...), 80, 24},
		{"groups_hostile", sceneGroupsHostile(), State{}, 120, 40},
		{"container_in_pod", sceneGroups(), press(on(Containers, strings.Repeat("2", 64)), sceneGroups(), Key{Name: KeyEnter}), 80, 24},
		{"container_in_project", sceneGroups(), press(on(Containers, webID), sceneGroups(), Key{Name: KeyEnter}), 120, 40},
		{"vms_200x50", sceneVMs(), noted, 200, 50},
		{"vms_120x40", sceneVMs(), noted, 120, 40},
		{"vms_100x30", sceneVMs(), press(noted, sceneVMs(), Key{Name: KeyDown}, Key{Name: KeyDown}), 100, 30},
		{"vms_80x24", sceneVMs(), noted, 80, 24},
		{"vms_60x20", sceneVMs(), noted, 60, 20},
		{"vms_20x5", sceneVMs(), press(State{}, sceneVMs(), Key{Name: KeyEnd}), 20, 5},
		{"vms_only", sceneVMsOnly(), State{}, 120, 40},
		{"vms_only_80x24", sceneVMsOnly(), press(State{}, sceneVMsOnly(), Key{Name: KeyEnd}), 80, 24},
		{"vms_hostile", sceneVMsHostile(), State{}, 120, 40},
		{"vms_found", sceneVMs(), press(State{}, sceneVMs(), append(letters("/less"), enter)...), 80, 24},
		{"vms_not_found", sceneVMs(), press(State{}, sceneVMs(), append(letters("/zebra"), enter)...), 80, 24},
		{"vms_many", sceneManyVMs(), on(Containers, fmt.Sprintf("%064x", 101)), 120, 40},
		{"vms_many_end", sceneManyVMs(), press(State{}, sceneManyVMs(), Key{Name: KeyEnd}), 80, 24},
		{"vm_120x40", sceneVMs(), press(on(Containers, vmKey(&sceneVMs().VMs[0])), sceneVMs(), enter), 120, 40},
		{"vm_80x24", sceneVMs(), press(on(Containers, vmKey(&sceneVMs().VMs[1])), sceneVMs(), enter), 80, 24},
		{"vm_in_container", sceneVMs(), press(State{}, sceneVMs(), Key{Name: KeyEnd}, enter), 120, 40},
		{"vm_unknown", sceneVMsOnly(), press(State{}, sceneVMsOnly(), enter), 120, 40},
		{"vm_gvisor", sceneVMsOnly(), press(on(Containers, vmKey(&sceneVMsOnly().VMs[3])), sceneVMsOnly(), enter), 120, 40},
		{"vm_hostile", sceneVMsHostile(), press(State{}, sceneVMsHostile(), Key{Name: KeyEnd}, enter), 80, 24},
		{"container_that_is_vm", sceneVMs(), press(on(Containers, sceneVMs().Containers[4].ID), sceneVMs(), enter), 120, 40},
		{"container_120x40", scene(), press(on(Containers, hogID), scene(), enter), 120, 40},
		{"container_80x24", scene(), press(on(Containers, webID), scene(), enter), 80, 24},
		{"container_80x60", scene(), press(on(Containers, hogID), scene(), enter), 80, 60},
		{"container_200x50", sceneLimits(), press(on(Containers, webID), sceneLimits(), enter), 200, 50},
		{"container_title_80x24", scene(), press(on(Containers, agentID), scene(), enter), 80, 24},
		{"container_start_120x40", scene(), press(on(Containers, hogID), scene(), enter, Key{Name: KeyEnd}), 120, 40},
		{"container_start_60x80", scene(), press(on(Containers, hogID), scene(), enter), 60, 80},
		{"container_start_30x90", scene(), press(on(Containers, hogID), scene(), enter), 30, 90},
		{"container_ended", sceneEnded(), press(State{}, sceneEnded(), Key{Name: KeyEnd}, enter), 120, 40},
		{"container_unknown", sceneUnknown(), press(State{}, sceneUnknown(), enter), 120, 40},
		{"container_hostile", sceneHostile(), press(on(Containers, webID), sceneHostile(), enter), 120, 40},
		{"page_80x24", scene(), hogPage(scene()), 80, 24},
		{"page_120x36", scene(), hogPage(scene()), 120, 36},
		{"page_200x50", scene(), hogPage(scene()), 200, 50},
		{"page_300x100", scene(), hogPage(scene()), 300, 100},
		{"page_80x150", scene(), hogPage(scene()), 80, 150},
		{"page_40x200", scene(), hogPage(scene()), 40, 200},
		{"page_killed", sceneKilled(), hogPage(sceneKilled()), 120, 90},
		{"page_ended_unread", sceneEnded(), awaiting(press(State{}, sceneEnded(), Key{Name: KeyEnd}, enter)), 200, 50},
		{"page_paused", scenePaused(), awaiting(press(on(Containers, webID), scenePaused(), enter)), 200, 50},
		{"page_near_limit", sceneNearLimit(), awaiting(press(on(Containers, agentID), sceneNearLimit(), enter)), 200, 50},
		{"page_near_limit_80x40", sceneNearLimit(), awaiting(press(on(Containers, agentID), sceneNearLimit(), enter)), 80, 40},
		{"page_not_permitted", scene(), unreadable(hogPage(scene())), 120, 40},
		{"page_replay", scene(), replayed(hogPage(scene())), 120, 40},
		{"page_hostile", scene(), withInspection(hogPage(scene()), hogID, 28473, sceneHostileDissection()), 120, 90},
		{"page_sandbox", sceneSandbox(), press(quiet(), sceneSandbox(), Key{Name: KeyEnd}, Key{Name: KeyUp}, enter), 120, 36},
		{"page_service", sceneSandbox(), press(quiet(), sceneSandbox(), Key{Name: KeyEnd}, enter), 200, 50},
		{"vm_200x50", sceneVMs(), press(on(Containers, vmKey(&sceneVMs().VMs[0])), sceneVMs(), enter), 200, 50},
		{"vm_300x100", sceneVMs(), press(on(Containers, vmKey(&sceneVMs().VMs[1])), sceneVMs(), enter), 300, 100},
		{"kill_200x50", scene(), press(on(Kills, ""), scene(), enter), 200, 50},
		{"kill_300x100", sceneKilled(), press(on(Kills, ""), sceneKilled(), enter), 300, 100},
		{"map_4_120x36", sceneWard(4), on(Map, ""), 120, 36},
		{"map_4_80x24", sceneWard(4), on(Map, ""), 80, 24},
		{"map_4_200x50", sceneWard(4), on(Map, ""), 200, 50},
		{"map_12_120x36", sceneWard(12), onMap(sceneWard(12), "search"), 120, 36},
		{"map_12_80x24", sceneWard(12), on(Map, ""), 80, 24},
		{"map_12_200x50", sceneWard(12), on(Map, ""), 200, 50},
		{"map_30_120x36", sceneWard(30), onMap(sceneWard(30), "cron-2"), 120, 36},
		{"map_30_80x24", sceneWard(30), onMap(sceneWard(30), "cron-2"), 80, 24},
		{"map_30_200x50", sceneWard(30), on(Map, ""), 200, 50},
		{"map_200_120x36", sceneWard(200), on(Map, ""), 120, 36},
		{"map_killed_120x36", sceneWardKilled(4), on(Map, ""), 120, 36},
		{"map_killed_80x24", sceneWardKilled(12), on(Map, ""), 80, 24},
		{"map_killed_200x50", sceneWardKilled(30), on(Map, ""), 200, 50},
		{"map_vms_120x36", sceneVMs(), on(Map, vmKey(&sceneVMs().VMs[0])), 120, 36},
		{"map_nested_120x36", sceneNested(), on(Map, ""), 120, 36},
		{"map_nested_80x24", sceneNested(), on(Map, ""), 80, 24},
		{"map_nested_200x50", sceneNested(), press(on(Map, ""), sceneNested(), letters("a")...), 200, 50},
		{"map_shared_120x36", sceneShared(), on(Map, ""), 120, 36},
		{"map_groups_120x36", sceneGroups(), on(Map, ""), 120, 36},
		{"map_hostile_120x36", sceneVMsHostile(), on(Map, ""), 120, 36},
		{"map_hostile_80x24", sceneGroupsHostile(), on(Map, ""), 80, 24},
		{"map_unknown_120x36", sceneUnknown(), on(Map, ""), 120, 36},
		{"map_abandoned_120x36", sceneAbandoned(), on(Map, ""), 120, 36},
		{"export_80x24", scene(), press(on(Containers, hogID), scene(), letters("e")...), 80, 24},
		{"map_limits_120x36", sceneLimits(), on(Map, ""), 120, 36},
		{"map_empty_80x24", sceneEmpty(), on(Map, ""), 80, 24},
		{"map_found_120x36", sceneNested(), press(on(Map, ""), sceneNested(), letters("/queue")...), 120, 36},
		{"map_60x20", sceneWard(12), on(Map, ""), 60, 20},
		{"map_30x9", sceneWardKilled(12), on(Map, ""), 30, 9},
		{"namespaces_120x40", scene(), on(Namespaces, "net:4026532182"), 120, 40},
		{"namespaces_60x20", scene(), on(Namespaces, "net:4026532182"), 60, 20},
		{"namespaces_empty", sceneFirst(), on(Namespaces, ""), 80, 24},
		{"namespace", scene(), press(on(Namespaces, "net:4026532182"), scene(), enter), 80, 24},
		{"namespace_pinned", scene(), press(on(Namespaces, "net:4026532390"), scene(), enter), 80, 24},
		{"namespaces_unseen", sceneUnseen(), on(Namespaces, "net:4026532182"), 120, 40},
		{"namespace_unseen", sceneUnseen(), press(on(Namespaces, "net:4026532390"), sceneUnseen(), enter), 80, 24},
		{"namespaces_parents_80x24", sceneTrees(), inTree(ByParent, userKey), 80, 24},
		{"namespaces_parents_120x36", sceneTrees(), inTree(ByParent, "pid:4026532512"), 120, 36},
		{"namespaces_parents_200x50", sceneTrees(), press(inTree(ByParent, userKey), sceneTrees(), Key{Name: KeyLeft}), 200, 50},
		{"namespaces_owners_80x24", sceneTrees(), inTree(ByOwner, "user:4026532501"), 80, 24},
		{"namespaces_owners_120x36", sceneTrees(), press(inTree(ByOwner, "user:4026532501"), sceneTrees(), Key{Name: KeyLeft}), 120, 36},
		{"namespaces_owners_200x50", sceneTrees(), inTree(ByOwner, userKey), 200, 50},
		{"namespaces_owners_unseen", sceneUnseen(), inTree(ByOwner, ""), 120, 36},
		{"namespaces_parents_found", sceneTrees(), press(inTree(ByParent, ""), sceneTrees(), append(letters("/inner"), enter)...), 80, 24},
		{"namespaces_parents_30x9", sceneTrees(), inTree(ByParent, "pid:4026532513"), 30, 9},
		{"host_unseen", sceneUnseen(), on(Host, ""), 80, 24},
		{"kills_120x40", scene(), on(Kills, ""), 120, 40},
		{"kills_80x24", scene(), on(Kills, ""), 80, 24},
		{"kills_empty", sceneEmpty(), on(Kills, ""), 80, 24},
		{"kill_120x40", scene(), press(on(Kills, ""), scene(), enter), 120, 40},
		{"kill_80x24", scene(), press(on(Kills, ""), scene(), Key{Name: KeyDown}, enter), 80, 24},
		{"kill_unknown", sceneUnknown(), press(on(Kills, ""), sceneUnknown(), enter), 80, 24},
		{"starts_80x24", sceneStarts(), on(Starts, ""), 80, 24},
		{"starts_120x36", sceneStarts(), on(Starts, hogID), 120, 36},
		{"starts_200x50", sceneStarts(), on(Starts, hogID), 200, 50},
		{"starts_unknown_80x24", sceneStarts(), on(Starts, webID), 80, 24},
		{"starts_30x9", sceneStarts(), on(Starts, hogID), 30, 9},
		{"starts_empty", sceneFirst(), on(Starts, ""), 80, 24},
		{"starts_none_seen", sceneUnknown(), on(Starts, ""), 80, 24},
		{"starts_filtered", sceneStarts(), press(on(Starts, ""), sceneStarts(), append(letters("fruntime=docker && name~o"), enter)...), 120, 36},
		{"start_80x24", sceneStarts(), press(on(Starts, hogID), sceneStarts(), enter), 80, 24},
		{"start_120x36", sceneStarts(), press(on(Starts, hogID), sceneStarts(), enter), 120, 36},
		{"start_200x50", sceneStarts(), press(on(Starts, strings.Repeat("6", 64)), sceneStarts(), enter), 200, 50},
		{"start_failed", sceneStarts(), press(on(Starts, ""), sceneStarts(), enter), 120, 36},
		{"start_unknown", sceneStarts(), press(on(Starts, webID), sceneStarts(), enter), 80, 24},
		{"events_120x40", scene(), on(Events, ""), 120, 40},
		{"events_80x24", scene(), press(on(Events, ""), scene(), Key{Name: KeyEnd}), 80, 24},
		{"events_empty", sceneEmpty(), on(Events, ""), 80, 24},
		{"host_120x40", sceneLossy(), withNotes(on(Host, ""), notes), 120, 40},
		{"host_80x24", scene(), on(Host, ""), 80, 24},
		{"host_first", sceneFirst(), on(Host, ""), 80, 24},
		{"help_120x40", scene(), press(State{}, scene(), letters("?")...), 120, 40},
		{"help_80x24", scene(), press(State{}, scene(), append(letters("?"), Key{Name: KeyEnd})...), 80, 24},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.v.Width, tt.v.Height = tt.w, tt.h
			f := Render(tt.s, tt.v, tt.w, tt.h)
			checkRows(t, f)
			got := f.Text() + "\n" + f.Styles()
			path := filepath.Join("testdata", tt.name+".golden")
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatalf("%v (go test ./internal/ui -update writes it)", err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("differs from %s (-want +got):\n%s", path, diff)
			}
		})
	}
}

func withNotes(v State, notes []string) State {
	v.Notes = notes
	return v
}

func TestStyleLetters(t *testing.T) {
	if len(styleLetters) != int(styleCount) {
		t.Fatalf("%d letters for %d styles", len(styleLetters), styleCount)
	}
	seen := make(map[byte]Style)
	for s := range styleCount {
		for _, flagged := range []Style{s, s | Selected} {
			letter := flagged.Letter()
			if other, taken := seen[letter]; taken {
				t.Errorf("style %v and %v are both %q", other, flagged, letter)
			}
			seen[letter] = flagged
		}
		if s.String() == "" {
			t.Errorf("style %d has no name", s)
		}
	}
}
