//go:build e2e

package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/test/lsns"
)

// nsEntry is what the tests check of `nsviz ns -o json`.
type nsEntry struct {
	Type       string
	ID         uint64
	Owner      uint64
	Parent     uint64
	Processes  []int32
	Containers []string
	PinnedBy   []string `json:"pinned_by"`
}

func lsnsNamespaces(t *testing.T) map[uint64]string {
	t.Helper()
	out := lsns.Output(t, "--json", "-o", "NS,TYPE")
	var parsed struct {
		Namespaces []struct {
			NS   uint64
			Type string
		}
	}
	if err := json.Unmarshal(out, &parsed); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	all := map[uint64]string{}
	for _, n := range parsed.Namespaces {
		all[n.NS] = n.Type
	}
	return all
}

// agreesWithLsns waits until `nsviz ns` lists what lsns lists, while processes come and go, and checks more details. Something
// that lsns does not see must keep any further namespace.
func agreesWithLsns(t *testing.T, more func([]nsEntry) string) {
	t.Helper()
	var list []nsEntry
	var problem string
	eventually(t, func() bool {
		want := lsnsNamespaces(t)
		nsvizJSON(t, &list, "ns", "-o", "json")
		problem = ""
		for _, n := range list {
			typ, listed := want[n.ID]
			switch {
			case listed && typ == n.Type:
				delete(want, n.ID)
			case len(n.Processes) > 0:
				problem += fmt.Sprintf("only nsviz lists %s %d, with %v\n", n.Type, n.ID, n.Processes)
			case len(n.PinnedBy) == 0:
				problem += fmt.Sprintf("nothing keeps %s %d\n", n.Type, n.ID)
			}
		}
		for id, typ := range want {
			problem += fmt.Sprintf("only lsns lists %s %d\n", typ, id)
		}
		problem += more(list)
		return problem == ""
	}, func() string { return "lsns and nsviz differ:\n" + problem })
}

// countsAgree waits until the metrics count what lsns lists and the further namespaces of `nsviz ns`.
func countsAgree(t *testing.T, address string) {
	t.Helper()
	var got, want map[string]int
	eventually(t, func() bool {
		got, want = map[string]int{}, map[string]int{}
		var list []nsEntry
		nsvizJSON(t, &list, "ns", "-o", "json")
		for _, n := range list {
			if len(n.Processes) == 0 {
				want[n.Type]++
			}
		}
		for _, typ := range lsnsNamespaces(t) {
			want[typ]++
		}
		samples := metrics(t, address)
		same := true
		for _, typ := range event.NamespaceTypes() {
			name := typ.String()
			got[name], _ = strconv.Atoi(samples[fmt.Sprintf("nsviz_namespaces{type=%q}", name)])
			same = same && got[name] == want[name]
		}
		return same
	}, func() string { return fmt.Sprintf("the metrics count %v, lsns and nsviz ns %v", got, want) })
}

func TestNsAgreesWithLsns(t *testing.T) {
	const name = "nsviz-test-ns"
	removeContainer(t, name)
	docker(t, "run", "-d", "--name", name, busyboxImage, "sleep", "1000")
	agreesWithLsns(t, func(list []nsEntry) string {
		mine := 0
		for _, n := range list {
			if slices.Equal(n.Containers, []string{name}) {
				mine++
			}
		}
		if mine < 4 {
			return fmt.Sprintf("%d namespaces are the container's alone", mine)
		}
		return ""
	})
}

// TestNsSaysWhatKeepsThem has a namespace that only an open file keeps, in a process with a hostile name, and the user
// namespace that owns it. lsns fails if a name has a newline or a parenthesis.
func TestNsSaysWhatKeepsThem(t *testing.T) {
	address := startServe(t)
	events := startEvents(t)
	home := exec.Command("unshare", "-U", "-r", "-n", "sh", "-c", "echo in; exec cat")
	homePID, leave := begin(t, home)
	id, owner := inode(t, homePID, "net"), inode(t, homePID, "user")
	holder := exec.Command("sh", "-c", fmt.Sprintf(`exec 7</proc/%d/ns/net; printf 'a\033[7m"\\b' >/proc/self/comm; echo in; read end; true`, homePID))
	holderPID, release := begin(t, holder)
	leave()

	want := map[uint64][]string{id: {fmt.Sprintf("an open file in PID %d (a\x1b[7m\"\\b)", holderPID)}, owner: {"a namespace that it owns"}}
	agreesWithLsns(t, func(list []nsEntry) string {
		found := 0
		for _, n := range list {
			if len(n.Processes) > 0 || want[n.ID] == nil {
				continue
			}
			if !slices.Equal(n.PinnedBy, want[n.ID]) || n.ID == id && n.Owner != owner {
				return fmt.Sprintf("%+v, want %q", n, want[n.ID])
			}
			found++
		}
		if found != 2 {
			return fmt.Sprintf("%d of 2 that are kept", found)
		}
		return ""
	})
	for form, sign := range map[string]string{
		"tree": fmt.Sprintf(`%d  no process, kept by an open file in PID %d (a`, id, holderPID),
		"dot":  fmt.Sprintf(`label="net\n%d\nkept by an open file in PID %d (a`, id, holderPID),
	} {
		stdout, stderr, code := nsviz(t, "ns", "-o", form)
		if code != 0 || !strings.Contains(stdout, sign) {
			t.Errorf("ns -o %s: exit code %d, no %q in\n%s%s", form, code, sign, stdout, stderr)
		}
		if strings.ContainsRune(stdout, '\x1b') {
			t.Errorf("ns -o %s: an escape sequence gets through:\n%q", form, stdout)
		}
	}
	countsAgree(t, address)

	about := func(typ event.Type) func(*event.Event) bool {
		return func(e *event.Event) bool {
			return e.Type == typ && e.Namespace.ID == id && e.Namespace.Type == event.Net
		}
	}
	created := events.await(t, 1, about(event.NamespaceCreated))
	before := len(events.all(about(event.NamespaceFreed)))
	for _, e := range events.all(about(event.NamespaceFreed)) {
		if e.Time.After(created[len(created)-1].Time) {
			t.Error("freed while it is kept")
		}
	}
	release()
	events.await(t, before+1, about(event.NamespaceFreed))
	agreesWithLsns(t, nothingMore)
	countsAgree(t, address)
}

func nothingMore([]nsEntry) string { return "" }

// TestNsAfterStorm: 8,000 namespaces come and go. Afterwards none of them is left in a running nsviz or in one that looks once.
// More of them at once from one user would be throttled.
func TestNsAfterStorm(t *testing.T) {
	const calls = 4000
	address := startServe(t)
	countsAgree(t, address)
	events := startEvents(t)
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), stormVariable+"="+strconv.Itoa(calls))
	pid, release := begin(t, cmd)
	events.await(t, 2*calls, func(e *event.Event) bool { return e.Type == event.NamespaceCreated && e.PID == pid })
	agreesWithLsns(t, nothingMore)
	countsAgree(t, address)
	release()
	agreesWithLsns(t, func(list []nsEntry) string {
		for _, n := range list {
			if slices.Contains(n.Processes, pid) {
				return "the storm's process is not gone"
			}
		}
		return ""
	})
	countsAgree(t, address)
}

// stormVariable makes the test binary a storm. Its value is the number of calls, of two namespaces each.
const stormVariable = "NSVIZ_TEST_STORM"

func storm(calls string) error {
	runtime.LockOSThread()
	n, err := strconv.Atoi(calls)
	if err != nil {
		return err
	}
	for range n {
		if err := syscall.Unshare(syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC); err != nil {
			return err
		}
	}
	fmt.Println("done")
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// begin starts a command and waits for its first line. It returns its PID and a function that ends it by closing its input.
func begin(t *testing.T, cmd *exec.Cmd) (pid int32, end func()) {
	t.Helper()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	end = func() {
		if ended {
			return
		}
		ended = true
		_ = in.Close()
		_, _ = io.Copy(io.Discard, out)
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v: %v", cmd.Args, err)
		}
	}
	t.Cleanup(end)
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatalf("%v ended early: %v", cmd.Args, err)
	}
	return int32(cmd.Process.Pid), end
}

func inode(t *testing.T, pid int32, typ string) uint64 {
	t.Helper()
	link, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", pid, typ))
	if err != nil {
		t.Fatal(err)
	}
	id, err := strconv.ParseUint(strings.TrimSuffix(strings.TrimPrefix(link, typ+":["), "]"), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return id
}
