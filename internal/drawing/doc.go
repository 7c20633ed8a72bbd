// Package drawing draws the rooms of a floor plan, with the walls that are their namespaces, as a Scalable Vector Graphics document.
//
// It is pure: a drawing depends on what it is given alone. What is in the rooms is for its callers to say. Whatever comes from outside is
// made safe and quoted.
package drawing
