// Package sink decouples a producer from a slow consumer, such as a pipe, a file or a log. A sink accepts values without
// blocking, queues a bounded number of them and writes them in a goroutine of its own. Values that do not fit are dropped and
// counted, and the consumer gets a value in their place that reports the loss.
package sink
