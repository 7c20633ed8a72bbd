// Package ondisk finds the names of containers in what their runtimes keep on the host: files, and the command lines of the
// processes in charge of one container each.
//
// It needs no engine that answers. It knows the OCI bundles of containerd, the storage that podman and CRI-O share, Docker's data
// folder, the bundles of BuildKit, and the state of runc and crun. Where these are is known by default, and learned from each other: a
// monitor's command line and a state of runc have the path of a bundle. What has no cgroup of its own is named by its
// namespace: by the command line of what isolates it, by Flatpak or by systemd-machined.
//
// A file is of somebody's making. Only regular files that the folder's owner alone can write are read, each up to a bound, never by a
// symbolic link out of the folder, and with a patience: a user may mount a file system that does not answer. All of it is text
// of others: names are returned as they are.
package ondisk
