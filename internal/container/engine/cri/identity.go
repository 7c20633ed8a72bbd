package cri

import (
	"maps"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/nsviz/nsviz/internal/container"
)

// ofSandbox returns the identity of the sandbox of a pod. It returns false if the engine says nothing that identifies it.
func ofSandbox(runtime string, pod *cri.PodSandbox) (container.Identity, bool) {
	if !container.IsHash(pod.GetId()) {
		return container.Identity{}, false
	}
	identity := container.Identity{ID: pod.GetId(), Runtime: runtime, Labels: pod.GetLabels()}
	identity.SetPod(container.PodNames{Sandbox: true, Namespace: pod.GetMetadata().GetNamespace(), Pod: pod.GetMetadata().GetName()})
	return identity, identity.Name != ""
}

// ofContainer returns the identity of a container in a pod, which is nil if it is not known. It returns false if the engine says nothing
// that identifies it.
func ofContainer(runtime string, c *cri.Container, pod *cri.PodSandbox, image string) (container.Identity, bool) {
	if !container.IsHash(c.GetId()) {
		return container.Identity{}, false
	}
	identity := container.Identity{ID: c.GetId(), Runtime: runtime, Image: image, Labels: labels(c, pod)}
	identity.SetPod(container.PodNames{
		Namespace: pod.GetMetadata().GetNamespace(), Pod: pod.GetMetadata().GetName(), Container: c.GetMetadata().GetName(),
	})
	return identity, true
}

// labels returns the labels of a container. The kubelet gives the pod's to the sandbox alone: so the container has these, too, below its own.
func labels(c *cri.Container, pod *cri.PodSandbox) map[string]string {
	if len(pod.GetLabels()) == 0 {
		return c.GetLabels()
	}
	all := maps.Clone(pod.GetLabels())
	maps.Copy(all, c.GetLabels())
	return all
}
