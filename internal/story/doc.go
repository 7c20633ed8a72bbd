// Package story tells in sentences what a snapshot holds: how a kill came about, how a container ended
// and who did it, and what the engine makes of that. It is pure; the dashboard and the commands say the
// same thing because they say it by this package.
//
// Names come from outside and are told as they are: whoever shows a text makes it harmless.
package story
