// Package query selects rows by expressions over their fields.
//
// There is a table of fields for each kind of row: workload, namespace, event, and what else the dashboard lists. An expression is
// parsed against such a table; docs/FILTERS.md describes the language, and lists the fields from the same tables. A search is an
// expression of one word: it looks at the fields that are marked for it, so that every list finds the same by the same text.
//
// The package is pure: whether a row is accepted depends on the row, the expression and the clock.
package query
