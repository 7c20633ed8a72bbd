package ondisk

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/container"
)

const step = "mvl5zfvi4y030a8wque9c7kqz"

// A step of a build has the name of what it runs and is BuildKit's, though runc keeps it among its own containers.
func TestStepsAreBuildKits(t *testing.T) {
	h := newHost(t)
	const executor = "/srv/docker/buildkit/executor/"
	h.write("/run/runc/"+step+"/state.json", `{"id":"`+step+`","config":{"labels":["bundle=`+executor+step+`"]}}`)
	h.write(executor+step+"/config.json", `{"process":{"args":["/bin/sh","-c","make  -j2 &&\n    make install"]}}`)
	want := container.Identity{ID: step, Runtime: "buildkit", Name: "RUN make -j2 && make install", Source: container.SourceFiles}
	got, _ := identify(t, h.source(), step)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestStepName(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"/bin/sh", "-c", "echo one"}, "RUN echo one"},
		{[]string{"/bin/bash", "-o", "pipefail", "-ec", "echo one"}, "RUN echo one"},
		{[]string{"/usr/bin/make", "-c", "x"}, "RUN /usr/bin/make -c x"},
		{[]string{"/bin/sh", "-c", strings.Repeat("é", container.MaxText)}, "RUN " + strings.Repeat("é", maxStepName-5) + "…"},
		{[]string{"/bin/sh", "-c", " \n"}, ""},
		{nil, ""},
	} {
		if got := stepName(test.args); got != test.want {
			t.Errorf("%.40q is %q, want %q", test.args, got, test.want)
		}
	}
}
