package model

import "github.com/nsviz/nsviz/internal/event"

// NamespaceNode is a namespace in a tree.
type NamespaceNode struct {
	*Namespace

	// Above is the number of the namespace that it is below; 0 is none, or unknown.
	Above uint64
	// Below are the namespaces directly below it, in the order of the list.
	Below []*NamespaceNode
}

// NamespacesByParent arranges namespaces as the trees that the kernel keeps of pid and user namespaces. Those of other types stand
// alone, and so does one whose parent is not in the list.
func NamespacesByParent(list []*Namespace) []*NamespaceNode {
	return namespaceForest(list, func(n *Namespace) namespaceName { return namespaceName{n.Type, n.Parent} })
}

// NamespacesByOwner arranges namespaces of all types below the user namespaces that own them. One whose owner is not in the list stands alone.
func NamespacesByOwner(list []*Namespace) []*NamespaceNode {
	return namespaceForest(list, func(n *Namespace) namespaceName {
		if n.Owner == 0 && n.Type == event.User { // the owner of a user namespace is its parent
			return namespaceName{event.User, n.Parent}
		}
		return namespaceName{event.User, n.Owner}
	})
}

type namespaceName struct {
	typ event.NamespaceType
	id  uint64
}

// deepest limits the depth of a tree: the kernel nests at most 32 namespaces (MAX_PID_NS_LEVEL, create_user_ns).
const deepest = 64

// namespaceForest puts each namespace below another. What is deeper than the kernel allows, as in a cycle, which only a damaged recording
// has, stands alone, so that no namespace is lost.
func namespaceForest(list []*Namespace, above func(*Namespace) namespaceName) (roots []*NamespaceNode) {
	nodes := make([]NamespaceNode, len(list))
	named := make(map[namespaceName]*NamespaceNode, len(list))
	for i, n := range list {
		nodes[i] = NamespaceNode{Namespace: n, Above: above(n).id}
		named[namespaceName{n.Type, n.ID}] = &nodes[i]
	}
	up := func(n *NamespaceNode) *NamespaceNode { return named[above(n.Namespace)] }
	for i := range nodes {
		n, depth := &nodes[i], 0
		for above := up(n); above != nil && depth < deepest; above = up(above) {
			depth++
		}
		if depth == 0 || depth == deepest {
			roots = append(roots, n)
		} else {
			up(n).Below = append(up(n).Below, n)
		}
	}
	return roots
}
