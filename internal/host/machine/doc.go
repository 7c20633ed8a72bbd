// Package machine reads the facts about the machine in procfs.
package machine
