package container

import (
	"strconv"
	"strings"

	"github.com/nsviz/nsviz/internal/event"
)

// The labels by which others than the engine say what a container belongs to.
const (
	// kubelet, through cri-dockerd or dockershim; the latter sets no type.
	podNameLabel       = "io.kubernetes.pod.name"
	podNamespaceLabel  = "io.kubernetes.pod.namespace"
	podContainerLabel  = "io.kubernetes.container.name"
	podTypeLabel       = "io.kubernetes.docker.type"
	podSandboxType     = "podsandbox"
	podSandboxMember   = "POD"
	composeLabel       = "com.docker.compose.project"
	composeService     = "com.docker.compose.service"
	composeNumber      = "com.docker.compose.container-number"
	stackLabel         = "com.docker.stack.namespace"
	swarmServiceLabel  = "com.docker.swarm.service.name" // STACK_SERVICE in a stack
	swarmTaskNameLabel = "com.docker.swarm.task.name"    // SERVICE.REPLICA.ID, or SERVICE.NODE.ID of a global service
)

// maxGroupName is how long a name in a group may be, in bytes: as long as Kubernetes allows one to be. Half a name would be another
// group's.
const maxGroupName = 253

// GroupOf returns which group a container is a member of by its labels, and its kind. A compose project and a swarm stack, which is made
// of the same files, are both compose groups.
func GroupOf(labels map[string]string) (event.Kind, *event.Group) {
	if pod := named(labels[podNameLabel]); pod != "" {
		group := &event.Group{
			Kind: event.GroupPod, Name: pod, Namespace: named(labels[podNamespaceLabel]), Member: named(labels[podContainerLabel]),
		}
		if labels[podTypeLabel] == podSandboxType || group.Member == podSandboxMember {
			group.Member = ""
			return event.KindPod, group
		}
		return "", group
	}
	if project := named(labels[composeLabel]); project != "" {
		return "", &event.Group{Kind: event.GroupCompose, Name: project, Member: numbered(named(labels[composeService]), labels[composeNumber])}
	}
	if stack := named(labels[stackLabel]); stack != "" {
		service := named(labels[swarmServiceLabel])
		replica := strings.TrimPrefix(labels[swarmTaskNameLabel], service+".")
		replica, _, _ = strings.Cut(replica, ".")
		return "", &event.Group{Kind: event.GroupCompose, Name: stack, Member: numbered(strings.TrimPrefix(service, stack+"_"), replica)}
	}
	return "", nil
}

// named returns a name if it fits, else "". The copy releases what it was read from.
func named(name string) string {
	if len(name) > maxGroupName {
		return ""
	}
	return strings.Clone(name)
}

// numbered returns the member of a group for one of the containers of a service: the first one is called as the service.
func numbered(service, number string) string {
	n, err := strconv.ParseUint(number, 10, 16)
	if service == "" || err != nil || n < 2 {
		return service
	}
	return service + "-" + strconv.FormatUint(n, 10)
}
