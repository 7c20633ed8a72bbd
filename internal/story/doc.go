// Package story words what a snapshot holds: kills, starts and ends of containers, what the engine reports of an end, and
// the histories of containers, namespaces, cgroups and virtual machines. The dashboard and the commands share its words.
//
// It is pure: a sentence depends on the snapshot alone. Times are pieces of their own, so that a view can write them in its
// time zone.
//
// A Text holds foreign names unescaped. Text.For escapes them; a view that shows the pieces must do so itself.
package story
