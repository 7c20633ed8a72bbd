// Package story describes a snapshot in sentences.
//
// They cover kills, starts and ends of containers, the engine's report of an end, and the histories of containers, namespaces,
// cgroups and virtual machines. The dashboard and the commands share them.
//
// It is pure: a sentence depends only on the snapshot. Times are separate pieces, so that a view can write them in its time zone.
//
// A Text holds foreign names unescaped. Text.For escapes them; a view that shows the pieces must do so itself.
package story
