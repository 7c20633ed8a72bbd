package main

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	podsecurity "k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

// A cluster that is strict by default, and the namespace of the chart in it, as the API server judges them: nothing is refused or warned of.
func TestNamespaceLetsThePodIn(t *testing.T) {
	files, err := render("chart", map[string]any{"namespace": map[string]any{"create": true}})
	if err != nil {
		t.Fatal(err)
	}
	strict := podsecurity.LevelVersion{Level: podsecurity.LevelRestricted, Version: podsecurity.LatestVersion()}
	namespace := strictly(t, files["namespace.yaml"]).(*corev1.Namespace)
	asked, errs := podsecurity.PolicyToEvaluate(namespace.Labels, podsecurity.Policy{Enforce: strict, Audit: strict, Warn: strict})
	if err := errs.ToAggregate(); err != nil {
		t.Fatal(err)
	}
	for what, level := range map[string]podsecurity.LevelVersion{"enforce": asked.Enforce, "audit": asked.Audit, "warn": asked.Warn} {
		if got := judge(t, level); !got.Allowed {
			t.Errorf("%s: %s", what, got.ForbiddenDetail())
		}
	}

	// What docs/KUBERNETES.md says that a pod may do, and nothing else, is why other namespaces refuse it.
	want := []string{"forbidden AppArmor profile", "host namespaces", "hostPath volumes", "non-default capabilities", "seLinuxOptions"}
	got := judge(t, podsecurity.LevelVersion{Level: podsecurity.LevelBaseline, Version: podsecurity.LatestVersion()}).ForbiddenReasons
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("the level baseline refuses the pod for %q, want %q", got, want)
	}
}

// judge returns what pod security admission says about the pod of the chart at a level.
func judge(t *testing.T, level podsecurity.LevelVersion) policy.AggregateCheckResult {
	t.Helper()
	checks, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	pod := daemonSet(t, nil).Spec.Template
	return policy.AggregateCheckResults(checks.EvaluatePod(level, &pod.ObjectMeta, &pod.Spec))
}
