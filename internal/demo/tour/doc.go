// Package tour leads through container isolation, step by step, in text: each step explains something about containers that run here,
// and checks on this host whether it is so.
package tour
