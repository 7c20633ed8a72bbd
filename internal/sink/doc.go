// Package sink keeps slow consumers out of the way of whoever has something for them. A sink takes values without ever
// blocking, keeps a bounded number of them and writes them in a goroutine of its own. What does not fit is dropped and
// counted, and the consumer learns of it in its place.
package sink
