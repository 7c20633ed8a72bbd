// Package namespaces keeps the table of the namespaces that exist, by which events are completed.
package namespaces
