// Package netfs reads what procfs says of network namespaces: the interfaces, addresses and sockets in one.
package netfs
