package main

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/lint"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// strictly decodes an object into the type that the API has for it, and fails the test at a field that the API does not know.
func strictly(t *testing.T, manifest []byte) any {
	t.Helper()
	var kind struct{ Kind string }
	if err := yaml.Unmarshal(manifest, &kind); err != nil {
		t.Fatalf("%v\n%s", err, manifest)
	}
	types := map[string]any{
		"Namespace": &corev1.Namespace{}, "ServiceAccount": &corev1.ServiceAccount{}, "DaemonSet": &appsv1.DaemonSet{},
		"PodMonitor": &monitoringv1.PodMonitor{}, "PrometheusRule": &monitoringv1.PrometheusRule{},
		"NetworkPolicy": &networkingv1.NetworkPolicy{},
	}
	object := types[kind.Kind]
	if object == nil {
		t.Fatalf("no type for the kind %q\n%s", kind.Kind, manifest)
	}
	if err := yaml.UnmarshalStrict(manifest, object); err != nil {
		t.Errorf("%s: %v", kind.Kind, err)
	}
	return object
}

func daemonSet(t *testing.T, values map[string]any) *appsv1.DaemonSet {
	t.Helper()
	files, err := render("chart", values)
	if err != nil {
		t.Fatal(err)
	}
	return strictly(t, files["daemonset.yaml"]).(*appsv1.DaemonSet)
}

func TestManifestsAreMadeFromTheChart(t *testing.T) {
	made, err := manifests("chart")
	if err != nil {
		t.Fatal(err)
	}
	rules, err := copyRules("../prometheus")
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range rules {
		made[filepath.Join("chart", "files", name)] = content
	}
	for path, want := range made {
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what `make manifests` makes (%v)", path, err)
		}
	}
	for _, folder := range []string{"base", "monitoring", "networkpolicy", "chart/files"} {
		there, err := filepath.Glob(folder + "/*")
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range there {
			if _, ok := made[path]; !ok {
				t.Errorf("%s is made by nothing", path)
			}
		}
	}
}

func TestChartIsClean(t *testing.T) {
	for _, m := range lint.All("chart", nil, "nsviz", true).Messages {
		if !strings.Contains(m.Error(), "icon is recommended") {
			t.Error(m)
		}
	}
}

func TestManifestsAreOfTheAPI(t *testing.T) {
	made, err := manifests("chart")
	if err != nil {
		t.Fatal(err)
	}
	var kinds int
	for path, content := range made {
		if filepath.Base(path) != "kustomization.yaml" {
			strictly(t, content)
			kinds++
		}
	}
	if kinds != 6 {
		t.Errorf("%d manifests, want 6", kinds)
	}
}

// An overlay of a user: the base in a namespace and with an image of their own, and with both components.
func TestKustomize(t *testing.T) {
	fs := filesys.MakeFsInMemory()
	for _, folder := range []string{"base", "monitoring", "networkpolicy"} {
		paths, err := filepath.Glob(folder + "/*")
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := fs.WriteFile("/"+path, content); err != nil {
				t.Fatal(err)
			}
		}
	}
	overlay := `resources: [../base]
components: [../monitoring, ../networkpolicy]
namespace: watch
images: [{name: nsviz, newName: registry.example/nsviz, newTag: "9.9"}]
`
	if err := fs.WriteFile("/mine/kustomization.yaml", []byte(overlay)); err != nil {
		t.Fatal(err)
	}
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(fs, "/mine")
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for _, resource := range built.Resources() {
		manifest, err := resource.AsYAML()
		if err != nil {
			t.Fatal(err)
		}
		kinds[resource.GetKind()]++
		if resource.GetKind() != "Namespace" && resource.GetNamespace() != "watch" {
			t.Errorf("%s is in the namespace %q", resource.GetKind(), resource.GetNamespace())
		}
		if d, ok := strictly(t, manifest).(*appsv1.DaemonSet); ok && d.Spec.Template.Spec.Containers[0].Image != "registry.example/nsviz:9.9" {
			t.Errorf("image %s", d.Spec.Template.Spec.Containers[0].Image)
		}
	}
	want := map[string]int{"Namespace": 1, "ServiceAccount": 1, "DaemonSet": 1, "PodMonitor": 1, "PrometheusRule": 1, "NetworkPolicy": 1}
	if !maps.Equal(kinds, want) {
		t.Errorf("made %v, want %v", kinds, want)
	}
}

func TestLeastPrivileges(t *testing.T) {
	pod := daemonSet(t, nil).Spec.Template.Spec
	c := pod.Containers[0]
	context := c.SecurityContext
	if context.Privileged != nil || pod.HostNetwork || pod.HostIPC || *pod.AutomountServiceAccountToken || *context.AllowPrivilegeEscalation ||
		!*context.ReadOnlyRootFilesystem || !slices.Equal(context.Capabilities.Drop, []corev1.Capability{"ALL"}) {
		t.Errorf("more than it needs: %+v %+v", pod, context)
	}
	for _, m := range c.VolumeMounts {
		if !m.ReadOnly {
			t.Errorf("%s can be written to", m.MountPath)
		}
	}
	documented, err := os.ReadFile("../../docs/INSTALL.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, capability := range context.Capabilities.Add {
		if !bytes.Contains(documented, []byte("CAP_"+capability)) {
			t.Errorf("docs/INSTALL.md does not say what CAP_%s is for", capability)
		}
	}
	if pod.SecurityContext != nil {
		t.Errorf("the pod has a context of its own: %+v", pod.SecurityContext)
	}
}

func TestValues(t *testing.T) {
	d := daemonSet(t, map[string]any{
		"cri":              map[string]any{"socket": "/run/k3s/containerd/containerd.sock"},
		"tracefs":          true,
		"port":             9000,
		"noCommandLines":   false,
		"labels":           []any{"team", "tier"},
		"web":              map[string]any{"configSecret": "nsviz-web", "scheme": "HTTPS", "hosts": []any{"nsviz.watch", "*.example.com"}},
		"fullnameOverride": "walls",
		"image":            map[string]any{"repository": "registry.example/nsviz", "tag": "9.9"},
		"extraArgs":        []any{"--log-level=debug"},
	})
	c := d.Spec.Template.Spec.Containers[0]
	want := []string{
		"serve", "--web.listen-address=:9000", "--cgroup-root=/host/cgroup", "--cri-endpoint=unix:///run/k3s/containerd/containerd.sock",
		"--label=team", "--label=tier", "--web.config.file=/etc/nsviz/web/web.yml", "--web.remote=all",
		"--web.host=nsviz.watch", "--web.host=*.example.com", "--log-level=debug",
	}
	if !slices.Equal(c.Args, want) {
		t.Errorf("arguments %q, want %q", c.Args, want)
	}
	mounts := map[string]string{}
	for _, m := range c.VolumeMounts {
		mounts[m.Name] = m.MountPath
	}
	if wanted := map[string]string{"cgroup": "/host/cgroup", "cri": "/run/k3s/containerd", "tracefs": "/sys/kernel/tracing", "web": "/etc/nsviz/web"}; !maps.Equal(mounts, wanted) {
		t.Errorf("mounts %v, want %v", mounts, wanted)
	}
	if len(d.Spec.Template.Spec.Volumes) != 4 || d.Name != "walls" || c.Image != "registry.example/nsviz:9.9" || c.ReadinessProbe.HTTPGet.Scheme != "HTTPS" {
		t.Errorf("made %+v", d)
	}
}

// Without a secret nobody is asked for a password: then other pods get the metrics alone, unless the values say otherwise.
func TestPodsGetTheMetricsAloneWithoutPassword(t *testing.T) {
	for want, web := range map[string]map[string]any{
		"--web.remote=metrics": {}, "--web.remote=all": {"configSecret": "nsviz-web"},
	} {
		if args := daemonSet(t, map[string]any{"web": web}).Spec.Template.Spec.Containers[0].Args; !slices.Contains(args, want) {
			t.Errorf("%v: %q", web, args)
		}
	}
	for want, web := range map[string]map[string]any{
		"--web.remote=all": {"remote": "all"}, "--web.remote=metrics": {"remote": "metrics", "configSecret": "nsviz-web"},
	} {
		if args := daemonSet(t, map[string]any{"web": web}).Spec.Template.Spec.Containers[0].Args; !slices.Contains(args, want) {
			t.Errorf("%v: %q", web, args)
		}
	}
}

// The policy is for the pods of the DaemonSet and their port. It lets in who the values name, and nothing out.
func TestNetworkPolicy(t *testing.T) {
	policy := func(values map[string]any) networkingv1.NetworkPolicySpec {
		values["enabled"] = true
		files, err := render("chart", map[string]any{"networkPolicy": values})
		if err != nil {
			t.Fatal(err)
		}
		return strictly(t, files["networkpolicy.yaml"]).(*networkingv1.NetworkPolicy).Spec
	}
	pods := daemonSet(t, nil)
	got := policy(map[string]any{})
	if !maps.Equal(got.PodSelector.MatchLabels, pods.Spec.Selector.MatchLabels) || len(got.PolicyTypes) != 2 || len(got.Egress) != 0 || len(got.Ingress) != 1 {
		t.Fatalf("%+v", got)
	}
	in := got.Ingress[0]
	if len(in.Ports) != 1 || in.Ports[0].Port.String() != pods.Spec.Template.Spec.Containers[0].Ports[0].Name || len(in.From) != 1 ||
		in.From[0].NamespaceSelector.MatchLabels["kubernetes.io/metadata.name"] != "monitoring" {
		t.Errorf("%+v", in)
	}
	pod := map[string]any{"podSelector": map[string]any{"matchLabels": map[string]any{"app": "prometheus"}}}
	collector := map[string]any{"ports": []any{map[string]any{"port": 4317}}}
	got = policy(map[string]any{"from": []any{pod}, "egress": []any{collector}})
	if from := got.Ingress[0].From; len(from) != 1 || from[0].PodSelector.MatchLabels["app"] != "prometheus" || len(got.Egress) != 1 || got.Egress[0].Ports[0].Port.IntValue() != 4317 {
		t.Errorf("%+v", got)
	}
	if got := policy(map[string]any{"from": []any{}}); len(got.Ingress[0].From) != 0 || len(got.Ingress[0].Ports) != 1 {
		t.Errorf("with nobody named: %+v", got)
	}
}

// null takes a default away, which {} cannot: Helm merges it with the default.
func TestNullLeavesConfinementToTheRuntime(t *testing.T) {
	values := map[string]any{"appArmorProfile": nil, "seccompProfile": nil, "seLinuxOptions": nil}
	context := daemonSet(t, values).Spec.Template.Spec.Containers[0].SecurityContext
	if context.AppArmorProfile != nil || context.SeccompProfile != nil || context.SELinuxOptions != nil {
		t.Errorf("with null: %+v", context)
	}
}

func TestWrongValuesAreRefused(t *testing.T) {
	loaded, err := loader.Load("chart")
	if err != nil {
		t.Fatal(err)
	}
	for place, values := range map[string]map[string]any{
		"tracfs":          {"tracfs": true},
		"/capabilities":   {"capabilities": []any{"SYS_PTRACE"}},
		"/capabilities/2": {"capabilities": []any{"BPF", "PERFMON", "NET_ADMIN"}},
		"/port":           {"port": 70000},
		"/web/scheme":     {"web": map[string]any{"scheme": "gopher"}},
		"/web/remote":     {"web": map[string]any{"remote": "none"}},
		"podSelector":     {"networkPolicy": map[string]any{"podSelector": map[string]any{}}},
		"/cri/socket":     {"cri": map[string]any{"socket": "containerd.sock"}},
	} {
		if _, err := renderChart(loaded, values); err == nil || !strings.Contains(err.Error(), place) {
			t.Errorf("%v: %v", values, err)
		}
	}
}

// The schema knows each value of values.yaml, since it refuses what it does not know, and each value has a comment or stands below one.
func TestEveryValueIsKnown(t *testing.T) {
	loaded, err := loader.Load("chart")
	if err != nil {
		t.Fatal(err)
	}
	if err := chartutil.ValidateAgainstSchema(loaded, loaded.Values); err != nil {
		t.Error(err)
	}
}

func TestPodMonitorKeepsTheLabelsOfWorkloads(t *testing.T) {
	files, err := render("chart", map[string]any{"podMonitor": map[string]any{"enabled": true}})
	if err != nil {
		t.Fatal(err)
	}
	monitor := strictly(t, files["podmonitor.yaml"]).(*monitoringv1.PodMonitor)
	endpoint := monitor.Spec.PodMetricsEndpoints[0]
	if !endpoint.HonorLabels || endpoint.RelabelConfigs[0].Action != "labeldrop" || endpoint.RelabelConfigs[0].Regex != "container|pod|namespace|endpoint" {
		t.Errorf("%+v", endpoint)
	}
}

// Where the server wants a password Prometheus has to have it.
func TestPodMonitorCanAuthenticate(t *testing.T) {
	files, err := render("chart", map[string]any{
		"web": map[string]any{"configSecret": "nsviz-web", "scheme": "HTTPS"},
		"podMonitor": map[string]any{
			"enabled": true,
			"basicAuth": map[string]any{
				"username": map[string]any{"name": "nsviz-scrape", "key": "username"},
				"password": map[string]any{"name": "nsviz-scrape", "key": "password"},
			},
			"tlsConfig": map[string]any{"ca": map[string]any{"secret": map[string]any{"name": "nsviz-scrape", "key": "ca.crt"}}, "serverName": "nsviz.example"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	endpoint := strictly(t, files["podmonitor.yaml"]).(*monitoringv1.PodMonitor).Spec.PodMetricsEndpoints[0]
	if endpoint.BasicAuth == nil || endpoint.BasicAuth.Password.Key != "password" || endpoint.BasicAuth.Username.Name != "nsviz-scrape" {
		t.Errorf("basic auth %+v", endpoint.BasicAuth)
	}
	if endpoint.TLSConfig == nil || endpoint.TLSConfig.CA.Secret.Key != "ca.crt" || *endpoint.TLSConfig.ServerName != "nsviz.example" {
		t.Errorf("TLS %+v", endpoint.TLSConfig)
	}
}

// What `helm install` says at its end names the page only where there is one.
func TestNotes(t *testing.T) {
	loaded, err := loader.Load("chart")
	if err != nil {
		t.Fatal(err)
	}
	const page = "in a browser, at https://127.0.0.1:9000/"
	for _, arguments := range [][]any{nil, {"--web.ui=false"}} {
		values := map[string]any{"port": 9000, "web": map[string]any{"scheme": "HTTPS"}, "extraArgs": arguments}
		all, err := chartutil.ToRenderValues(loaded, values, chartutil.ReleaseOptions{Name: "walls", Namespace: "watch"}, chartutil.DefaultCapabilities)
		if err != nil {
			t.Fatal(err)
		}
		rendered, err := (engine.Engine{Strict: true}).Render(loaded, all)
		if err != nil {
			t.Fatal(err)
		}
		notes := rendered["nsviz/templates/NOTES.txt"]
		if strings.Contains(notes, page) != (arguments == nil) || !strings.Contains(notes, "--namespace watch exec daemonset/walls-nsviz -- /nsviz doctor") {
			t.Errorf("with %q:\n%s", arguments, notes)
		}
	}
}
