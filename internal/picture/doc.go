// Package picture draws a grid of character cells as a Scalable Vector Graphics document.
package picture
