// Package container answers "whose is it?": from the id of a cgroup to its path, from the path to
// the runtime and the container, from the container to its name and image. Names outlive their
// containers, for events that come late.
package container
