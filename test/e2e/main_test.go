//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"testing"
)

// The images of the tests, made by test/images/make.
const (
	stressImage  = "nsviz-test/stress"
	busyboxImage = "nsviz-test/busybox"
)

func TestMain(m *testing.M) {
	if n := os.Getenv(stormVariable); n != "" {
		if err := storm(n); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if os.Getenv(floodVariable) != "" {
		if err := flood(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	// nsviz keeps ignoring signals that are ignored when it starts. Its tests need these signals to end it, even if they run
	// under nohup or in the background.
	for _, s := range signals() {
		if signal.Ignored(s) {
			signal.Notify(make(chan os.Signal, 1), s)
		}
	}
	if err := prepare(); err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func prepare() error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("these tests need root; run make test-e2e")
	}
	if _, err := os.Stat(binary()); err != nil {
		return fmt.Errorf("nsviz is not built: %w; run make test-e2e", err)
	}
	for program, tag := range map[string]string{"stress-ng": stressImage, "busybox": busyboxImage} {
		earlier, err := exec.Command("docker", "images", "--quiet", tag).Output()
		if err != nil {
			return fmt.Errorf("ask the engine of DOCKER_HOST for images: %w", err)
		}
		if out, err := exec.Command("../images/make", program, tag).CombinedOutput(); err != nil {
			return fmt.Errorf("make image %s: %w\n%s", tag, err, out)
		}
		// Without its name nobody would ever remove the image of an earlier run. It may be in use.
		if ids := strings.Fields(string(earlier)); len(ids) > 0 {
			_ = exec.Command("docker", append([]string{"rmi"}, ids...)...).Run()
		}
	}
	return nil
}

func binary() string {
	path, err := filepath.Abs("../../bin/nsviz")
	if err != nil {
		panic(err) // inside there is no working directory
	}
	return path
}
