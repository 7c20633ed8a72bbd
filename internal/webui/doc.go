// Package webui shows nsviz in a browser: the map of rooms and walls, the workloads, the OOM kills, a workload's page, and who shares
// which namespaces. It reads the same snapshots and words as the terminal, and changes nothing.
//
// A [Page] serves files that are part of the program, the state of the host as JSON, and the map as a picture. While somebody looks, the
// state is put together once for all and sent as server-sent events: to each viewer what has changed since it was last sent anything, so
// that a slow one misses states in between and never the latest. Nothing is computed while nobody looks.
//
// Everything that comes from outside, such as a container's name, is text: escaped in documents made here, and never parsed as HTML by the
// page. docs/WEB.md describes the page for users.
package webui
