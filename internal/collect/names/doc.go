// Package names learns the names of containers from their engine, which it never makes wait.
package names
