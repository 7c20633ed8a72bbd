// Package container attributes events to containers: from the id of a cgroup to its path, from the path to
// the runtime and the container, from the container to its name and image. So it also decides which execs are starts of
// containers and which exits are their ends. Names outlive their containers, for events that come late.
package container
