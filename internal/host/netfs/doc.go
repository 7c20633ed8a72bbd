// Package netfs reads what procfs has about network namespaces: the interfaces, addresses and sockets in one.
package netfs
