// Package vmm recognises the processes that are virtual machines.
package vmm
