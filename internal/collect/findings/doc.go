// Package findings counts the holes in the walls of the live containers by severity, for their metrics: soon after a container's start and
// slowly from then on.
//
// One container is inspected at a time, and pauses keep what that takes to about a hundredth of one CPU. An inspection that does not end, as where
// a file system of a container does not answer, is given up on, and the number of those is bounded.
package findings
