// Package limits follows who changes the limits of cgroups.
package limits
