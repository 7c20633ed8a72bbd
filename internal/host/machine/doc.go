// Package machine reads what procfs says of the machine as a whole.
package machine
