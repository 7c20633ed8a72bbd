// Package namespaces keeps a table of the namespaces that exist, to complete events from it.
package namespaces
