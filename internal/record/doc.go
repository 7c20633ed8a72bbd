// Package record writes the facts of a host to a file and reads them back, so that a recording goes through the same model
// and the same views as the live host.
//
// A recording is gzip-compressed NDJSON: a header, one fact a line, and a trailer that shows that nothing is missing.
package record
