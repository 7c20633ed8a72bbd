// Package story puts what a snapshot holds into sentences: how a kill came about, how a container started, how it ended
// and who did it, what the engine makes of that, and what happened to namespaces, cgroups and virtual machines. The dashboard and the commands say the same thing
// because they say it by this package.
//
// It is pure: a sentence depends on the snapshot alone. Its times are pieces of their own, which whoever
// shows it writes in a time zone of theirs.
//
// Names come from outside and are in a Text as they are. Text.For makes them harmless; so must whoever
// shows its pieces.
package story
