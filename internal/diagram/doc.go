// Package diagram draws who shares which namespaces, in the languages of Mermaid and Graphviz, or as a picture.
//
// It is pure: a diagram depends on the snapshot alone. Whatever comes from outside is made safe and quoted.
package diagram
