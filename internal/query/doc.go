// Package query names the fields of each kind of row: container, virtual machine, namespace, OOM kill, event.
//
// Fields are what a search looks at, Keys what a list is filtered by.
//
// A search goes through the fields of the rows that it is made in, so that every view, and whatever else lists such rows, finds
// the same by the same text.
package query
