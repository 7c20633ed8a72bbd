// Package report defines the documents that nsviz prints, as JSON for programs and as text for people.
//
// The JSON is a contract, described in docs/EVENTS.md. The package is pure: a document depends only on the values that it is
// made from, and the time zone of a text is passed in. Text from outside is unchanged in JSON, and made safe in text.
package report
