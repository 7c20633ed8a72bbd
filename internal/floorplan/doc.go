// Package floorplan lays out the workloads of a host as rooms whose walls are their namespaces.
//
// Of builds the rooms: which is inside which, and which wall is closed. Arrange gives each its place on a floor, in cells. Neither
// draws anything: a screen of characters and an SVG are made from the same plan.
package floorplan
