// Package probes brings kernel events into Go. It asks the host what it allows (Facts), chooses for
// every kind of fact the best hook (Plan, a pure function), loads and attaches the BPF programs of
// gen/, reads their rings and decodes what comes out into event.Event values.
//
// It is the only package of nsviz besides gen that imports cilium/ebpf.
package probes
