// Package demo makes the lessons that nsviz shows: small containers that run into their memory
// limit, share namespaces or just start, with a container engine where one answers and with the
// bare kernel where none does, and a virtual machine to compare them with. Whatever it makes is called nsviz-demo-… and is removed on the way
// out; what a crash leaves behind, the next demo removes.
package demo
