// Package hosttest makes what tests of the host's readers read: made-up file systems and processes of their own.
package hosttest
