// Package collect paces the packages below it, which read the host again and again, so that each takes a bounded share of one CPU.
package collect
