// Package survey finds the namespaces that exist, by who is in them or what keeps them.
//
// A survey goes over all processes, and recognises those that are virtual machines on the way.
package survey
