package main

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	podutil "k8s.io/kubernetes/pkg/api/pod"
	"k8s.io/kubernetes/pkg/apis/apps"
	_ "k8s.io/kubernetes/pkg/apis/apps/install"
	appsvalidation "k8s.io/kubernetes/pkg/apis/apps/validation"
	"k8s.io/kubernetes/pkg/apis/core"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	corevalidation "k8s.io/kubernetes/pkg/apis/core/validation"
	"k8s.io/kubernetes/pkg/apis/networking"
	_ "k8s.io/kubernetes/pkg/apis/networking/install"
	networkingvalidation "k8s.io/kubernetes/pkg/apis/networking/validation"
)

// refusals returns what an API server has against an object, once it has set the defaults. It is the API server's own code.
func refusals(t *testing.T, manifest []byte) field.ErrorList {
	t.Helper()
	object, _, err := legacyscheme.Codecs.UniversalDecoder().Decode(manifest, nil, nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, manifest)
	}
	switch object := object.(type) {
	case *core.Namespace:
		return corevalidation.ValidateNamespace(object)
	case *core.ServiceAccount:
		return corevalidation.ValidateServiceAccount(object)
	case *apps.DaemonSet:
		return appsvalidation.ValidateDaemonSet(object, podutil.GetValidationOptionsFromPodTemplate(&object.Spec.Template, nil))
	case *networking.NetworkPolicy:
		return networkingvalidation.ValidateNetworkPolicy(object, networkingvalidation.NetworkPolicyValidationOptions{})
	}
	t.Fatalf("no validation for %T", object)
	return nil
}

func TestAPIServerAccepts(t *testing.T) {
	for name, values := range map[string]map[string]any{
		"the defaults": nil,
		"all that can be set": {
			"namespace": map[string]any{"create": true}, "tracefs": true, "port": 9000, "priorityClassName": "system-node-critical",
			"web":              map[string]any{"configSecret": "nsviz-web", "scheme": "HTTPS"},
			"cri":              map[string]any{"socket": "/var/snap/microk8s/common/run/containerd.sock"},
			"labels":           []any{"team"},
			"imagePullSecrets": []any{map[string]any{"name": "registry"}},
			"podLabels":        map[string]any{"team": "blue"},
			"extraEnv":         []any{map[string]any{"name": "NSVIZ_EXPORT", "value": "otlp=http://127.0.0.1:4318"}},
			"affinity": map[string]any{"nodeAffinity": map[string]any{"requiredDuringSchedulingIgnoredDuringExecution": map[string]any{
				"nodeSelectorTerms": []any{map[string]any{"matchExpressions": []any{map[string]any{"key": "pool", "operator": "Exists"}}}},
			}}},
			"updateStrategy": map[string]any{"type": "OnDelete", "rollingUpdate": nil},
			"serviceAccount": map[string]any{"annotations": map[string]any{"team": "blue"}},
			"networkPolicy": map[string]any{"enabled": true, "egress": []any{map[string]any{
				"to": []any{map[string]any{"ipBlock": map[string]any{"cidr": "10.0.0.0/8"}}}, "ports": []any{map[string]any{"port": 4318}},
			}}},
		},
		"a Kubernetes without the field appArmorProfile": {
			"appArmorProfile": nil,
			"podAnnotations":  map[string]any{"container.apparmor.security.beta.kubernetes.io/nsviz": "unconfined"},
		},
		"all defaults taken away": {
			"appArmorProfile": nil, "seccompProfile": nil, "seLinuxOptions": nil, "resources": nil, "tolerations": nil, "nodeSelector": nil, "updateStrategy": nil,
		},
		"an image by its digest": {"image": map[string]any{"tag": "1.0.0@sha256:" + strings.Repeat("0123abcd", 8)}},
		"a long tag":             {"image": map[string]any{"tag": strings.Repeat("feature-", 15) + "_"}},
		"long names":             {"nameOverride": strings.Repeat("name-", 30), "fullnameOverride": strings.Repeat("walls-", 30)},
	} {
		t.Run(name, func(t *testing.T) {
			files, err := render("chart", values)
			if err != nil {
				t.Fatal(err)
			}
			for _, file := range slices.Sorted(maps.Keys(files)) {
				if errs := refusals(t, files[file]); len(errs) > 0 {
					t.Errorf("%s: %v", file, errs.ToAggregate())
				}
			}
		})
	}
}

// What is wrong in a pod is found: the validation above is no formality.
func TestAPIServerRefuses(t *testing.T) {
	files, err := render("chart", map[string]any{"podLabels": map[string]any{"team": "not a label"}, "priorityClassName": "Not A Name"})
	if err != nil {
		t.Fatal(err)
	}
	refused := refusals(t, files["daemonset.yaml"]).ToAggregate()
	for _, place := range []string{"spec.template.labels", "spec.template.spec.priorityClassName"} {
		if refused == nil || !strings.Contains(refused.Error(), place) {
			t.Errorf("nothing against %s: %v", place, refused)
		}
	}
}
