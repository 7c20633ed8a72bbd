// Package names takes what a container engine reports, without making the engine wait, and asks it about containers without a name.
package names
