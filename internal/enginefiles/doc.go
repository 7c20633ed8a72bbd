// Package enginefiles recognises the files that container engines mount into containers.
//
// A container that joins another one's namespace gets that one's file, so these files show for whom a namespace was made.
package enginefiles
