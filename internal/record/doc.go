// Package record writes the facts that the model is told to a file and reads them back, so that a
// recording goes through the same model and the same views as the live host.
//
// A recording is NDJSON: a header, one fact a line, and a trailer by which a reader knows that
// nothing is missing. It is gzip-compressed.
package record
