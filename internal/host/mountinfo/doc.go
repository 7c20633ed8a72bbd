// Package mountinfo reads what is mounted in a process's mount namespace.
//
// Paths are bytes that others chose. They are returned as they are, without any check for UTF-8 or control characters.
package mountinfo
