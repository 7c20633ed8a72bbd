// Package probes brings kernel events into Go. It finds out what the host allows (Facts), chooses the
// best hook for every kind of fact (Plan, a pure function), loads and attaches the BPF programs of
// gen/, reads their rings and decodes the records into event.Event values.
//
// It is the only package of nsviz besides gen that imports cilium/ebpf.
package probes
