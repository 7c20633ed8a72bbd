// Package demo makes the lessons that nsviz shows: small containers that run into their memory
// limit, share namespaces or just start, and a virtual machine to compare them with. It uses a
// container engine if one answers, else the bare kernel. Everything that it makes is called nsviz-demo-…
// and is removed at the end; the next demo removes what a crash has left.
package demo
