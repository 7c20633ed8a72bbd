// Package report says what the documents contain that nsviz prints, and how they are written: as JSON for programs and as text
// for people.
//
// The JSON is a contract, described in docs/EVENTS.md. The package is pure: a document depends on the values that it is made from,
// and the zone of a text's times is passed in. What comes from outside stands in JSON as it is, and is made safe in text.
package report
