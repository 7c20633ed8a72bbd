// Package runtime holds the table of container runtimes: one row per runtime with everything that nsviz knows about it.
package runtime
