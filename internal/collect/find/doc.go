// Package find finds the containers that run on the host, by their cgroups, their first processes or their engine's word.
package find
