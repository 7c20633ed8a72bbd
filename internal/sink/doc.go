// Package sink decouples a producer from a slow consumer, such as a pipe, a file or a log. A sink takes values without
// blocking, queues a bounded number of them and writes them in a goroutine of its own. What does not fit is dropped and
// counted, and the consumer gets a value in its place that says so.
package sink
