// Package replay plays a recording at the pace at which it happened.
package replay
