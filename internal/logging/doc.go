// Package logging writes the log of nsviz, for programs that search it: as text (which is logfmt), as JSON, or as entries of systemd's
// journal. Events, such as an OOM kill, are logged with the fields by which one finds a container.
package logging
