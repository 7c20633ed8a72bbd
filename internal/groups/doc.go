// Package groups arranges containers under the pods and projects that they are members of.
package groups
