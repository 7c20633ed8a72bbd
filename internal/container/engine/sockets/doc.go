// Package sockets finds the sockets at which engines serve Docker's API or Kubernetes' CRI API, without starting an engine.
package sockets
