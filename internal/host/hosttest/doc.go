// Package hosttest makes test data for the readers of the host: file systems and processes.
package hosttest
