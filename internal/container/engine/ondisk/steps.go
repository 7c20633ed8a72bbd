package ondisk

import (
	"strings"

	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/container/runtime"
)

// steps is the layout of the OCI bundles that BuildKit makes for the steps of a build, ID/config.json (moby/buildkit,
// executor/runcexecutor). A bundle is there before its cgroup, and as long as the step runs.
type steps struct{}

// maxStepName bounds the name of a step, in characters.
const maxStepName = 60

func (steps) find(in folder, id string) (found, error) {
	f := found{Identity: container.Identity{ID: id, Runtime: runtime.BuildKit}, spec: new(spec)}
	if err := in.decode(id+"/config.json", f.spec); err != nil {
		return found{}, err
	}
	if f.spec.Process != nil {
		f.Name = stepName(f.spec.Process.Args)
	}
	return f, nil
}

func (steps) folders(folder) []string { return []string{"."} }

// stepName names a step as the Dockerfile and the output of the build do: "RUN make install". It returns "" if there is no command. The
// same step of another build has the same name. A script that is longer than a line is cut.
func stepName(args []string) string {
	if n := len(args); n > 2 && strings.HasSuffix(args[0], "sh") && strings.HasPrefix(args[n-2], "-") && strings.HasSuffix(args[n-2], "c") {
		args = args[n-1:] // what the shell runs
	}
	words := strings.Fields(container.Cut(strings.Join(args, " ")))
	if len(words) == 0 {
		return ""
	}
	name := []rune("RUN " + strings.Join(words, " "))
	if len(name) > maxStepName {
		name = append(name[:maxStepName-1], '…')
	}
	return string(name)
}

// executorOf returns the folder in which a dockerd with that data folder makes the bundles.
func executorOf(dataRoot string) string { return dataRoot + "/buildkit/executor" }

// isExecutor reports whether a folder is one in which BuildKit makes bundles: dockerd's, or that of a worker of buildkitd.
func isExecutor(dir string) bool {
	parts := strings.Split(dir, "/")
	if len(parts) < 3 || parts[len(parts)-1] != "executor" {
		return false
	}
	worker := parts[len(parts)-2]
	return worker == "buildkit" || strings.HasPrefix(worker, "runc-")
}
