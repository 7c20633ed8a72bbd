//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// flatpakApp is an app of Flatpak that runs a shell script in busybox, installed for a user of the test's own.
type flatpakApp struct {
	id  string
	env []string
}

// newFlatpakApp builds a runtime with busybox and an app with the script, and installs both from a repository on disk.
func newFlatpakApp(t *testing.T, script string) flatpakApp {
	t.Helper()
	dir := t.TempDir()
	app := flatpakApp{id: "org.example.Hog", env: append(os.Environ(),
		"FLATPAK_USER_DIR="+dir+"/user", "FLATPAK_SYSTEM_DIR="+dir+"/system", "HOME="+dir, "GSETTINGS_BACKEND=memory", "XDG_RUNTIME_DIR="+runtimeDir(t),
		"XDG_DATA_HOME="+dir+"/data", "XDG_CACHE_HOME="+dir+"/cache")}
	write := func(path, content string) {
		t.Helper()
		path = filepath.Join(dir, path)
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		if err == nil {
			err = os.WriteFile(path, []byte(content), 0o755)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	arch := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH]
	platform := "org.example.Platform/" + arch + "/1"
	write("runtime/metadata", "[Runtime]\nname=org.example.Platform\nruntime="+platform+"\nsdk="+platform+"\n")
	write("app/metadata", "[Application]\nname="+app.id+"\nruntime="+platform+"\ncommand=hog\n")
	write("app/files/bin/hog", "#!/bin/sh\n"+script+"\n")
	write("app/export/none", "")
	write("runtime/files/none", "")
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Fatal(err)
	}
	write("runtime/usr/bin/none", "")
	must(t, exec.Command("cp", busybox, dir+"/runtime/usr/bin/busybox"))
	for _, name := range []string{"sh", "tail"} {
		if err := os.Symlink("busybox", dir+"/runtime/usr/bin/"+name); err != nil {
			t.Fatal(err)
		}
	}
	flatpak := func(args ...string) {
		t.Helper()
		cmd := exec.Command("flatpak", args...)
		cmd.Env = app.env
		must(t, cmd)
	}
	flatpak("build-export", "--runtime", "--disable-sandbox", dir+"/repo", dir+"/runtime", "1")
	flatpak("build-export", "--disable-sandbox", dir+"/repo", dir+"/app", "1")
	flatpak("remote-add", "--user", "--no-gpg-verify", "local", dir+"/repo")
	flatpak("install", "--user", "--noninteractive", "local", app.id)
	return app
}

// runtimeDir returns root's folder in /run/user, where Flatpak notes what runs. It is made if there is none.
func runtimeDir(t *testing.T) string {
	t.Helper()
	const dir = "/run/user/0"
	if _, err := os.Stat(dir); err != nil {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
	}
	return dir
}

// An OOM kill in what has no cgroup of its own is told under the name that the user knows it by, which the command line of what isolates it
// says, or Flatpak: a machine of nspawn, a jail, an app, or else the program.
func TestSandboxesAreNamed(t *testing.T) {
	const script = "tail /dev/zero; read line"
	app := newFlatpakApp(t, script)
	root := rootWithBusybox(t)
	if err := os.Mkdir(filepath.Join(root, "usr"), 0o755); err != nil { // without it, it is no system for nspawn
		t.Fatal(err)
	}
	cgroup := limitedCgroup(t, fmt.Sprintf("nsviz-test-%s-%d.scope", strings.ToLower(t.Name()), os.Getpid()), 2*isolatedLimit)
	t.Cleanup(func() { // nspawn leaves them
		for _, hierarchy := range []string{"systemd", "unified"} {
			for _, name := range []string{"payload", "supervisor"} {
				_ = os.Remove(filepath.Join("/sys/fs/cgroup", hierarchy, name))
			}
		}
	})
	address := startServe(t)
	for _, test := range []struct{ command, name, runtime, kind string }{
		{"bwrap --bind " + root + " / --proc /proc --dev /dev --unshare-all /bin/busybox", "bwrap-PID (busybox)", "bubblewrap", "sandbox"},
		{"firejail --quiet --noprofile --name=nsviz-test-jail busybox", "nsviz-test-jail", "firejail", "sandbox"},
		{"systemd-nspawn --register=no --keep-unit --quiet --pipe -D " + root + " -M nsviz-test-box /bin/busybox", "nsviz-test-box", "nspawn", "container"},
		{"flatpak run --user " + app.id, app.id, "flatpak", "sandbox"},
	} {
		args := []string{"-c", `echo $$ > "$0/cgroup.procs" && exec "$@"`, cgroup}
		args = append(args, strings.Fields(test.command)...)
		if test.runtime != "flatpak" {
			args = append(args, "sh", "-c", script)
		}
		cmd := exec.Command("sh", args...)
		cmd.Env = app.env
		stdin, err := cmd.StdinPipe()
		output := newLines()
		cmd.Stdout, cmd.Stderr = output, output
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		name := strings.ReplaceAll(test.name, "PID", strconv.Itoa(cmd.Process.Pid))
		var got map[string]string
		eventually(t, func() bool {
			got = metrics(t, address)
			return got[fmt.Sprintf("nsviz_oom_kills_total{container=%q,scope=\"cgroup\"}", name)] == "1"
		}, func() string {
			kills := ""
			for series, value := range got {
				if value != "0" && strings.HasPrefix(series, "nsviz_oom_kills_total") {
					kills += series + " " + value + "\n"
				}
			}
			return name + "\n" + kills + output.String()
		})
		info := fmt.Sprintf("nsviz_container_info{container=%q,", name)
		right := false
		for series := range got {
			right = right || strings.HasPrefix(series, info) && strings.Contains(series, fmt.Sprintf("kind=%q", test.kind)) && strings.Contains(series, fmt.Sprintf("runtime=%q", test.runtime))
		}
		if !right {
			t.Errorf("no %s of %s is called %s", test.kind, test.runtime, name)
		}
		stdout, stderr, code := nsviz(t, "why", name, "--from", "http://"+address)
		if code != 0 || !strings.Contains(prose(stdout), "OOM killer has killed 1 process in it since it started: tail") {
			t.Errorf("exit code %d\n%s\n%s", code, stdout, stderr)
		}
		_, _ = io.WriteString(stdin, "\n")
		_ = stdin.Close()
		_ = cmd.Wait() // nspawn fails if a process was killed
	}
}
