// Package sockets finds the sockets at which engines serve Docker's API, without starting an engine.
package sockets
