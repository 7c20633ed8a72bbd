//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// bpfObjects lists the BPF programs, maps and links that a process has open, as "prog 12".
func bpfObjects(t *testing.T, pid int) []string {
	t.Helper()
	infos, err := filepath.Glob(fmt.Sprintf("/proc/%d/fdinfo/*", pid))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]int{}
	var objects []string
	for _, info := range infos {
		content, err := os.ReadFile(info)
		if err != nil {
			continue // closed meanwhile
		}
		for line := range strings.Lines(string(content)) {
			kind, id, _ := strings.Cut(line, "_id:")
			if id = strings.TrimSpace(id); id != "" && (kind == "prog" || kind == "map" || kind == "link") {
				found[kind]++
				objects = append(objects, kind+" "+id)
			}
		}
	}
	for _, kind := range []string{"prog", "map", "link"} {
		if found[kind] == 0 {
			t.Fatalf("process %d has no BPF %s open: %v", pid, kind, objects)
		}
	}
	slices.Sort(objects)
	return slices.Compact(objects)
}

// awaitBPFGone waits until the kernel has freed all of them, shortly after they are closed.
func awaitBPFGone(t *testing.T, objects []string) {
	t.Helper()
	var left []string
	eventually(t, func() bool {
		alive := map[string]bool{}
		for _, kind := range []string{"prog", "map", "link"} {
			for _, id := range bpfIDs(t, kind) {
				alive[fmt.Sprint(kind, " ", id)] = true
			}
		}
		left = slices.DeleteFunc(slices.Clone(objects), func(object string) bool { return !alive[object] })
		return len(left) == 0
	}, func() string { return fmt.Sprintf("the kernel still has %v", left) })
}

// bpfIDs lists the objects of a kind that the kernel has.
func bpfIDs(t *testing.T, kind string) []int {
	t.Helper()
	cmd := exec.Command("bpftool", "--json", kind, "list")
	if cmd.Err != nil { // only root has its folder in PATH
		cmd = exec.Command("/usr/sbin/bpftool", "--json", kind, "list")
	}
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("bpftool %s list: %v", kind, err)
	}
	var objects []struct{ ID int }
	if err := json.Unmarshal(out, &objects); err != nil {
		t.Fatalf("bpftool %s list: %v\n%s", kind, err, out)
	}
	ids := make([]int, len(objects))
	for i, o := range objects {
		ids[i] = o.ID
	}
	return ids
}
