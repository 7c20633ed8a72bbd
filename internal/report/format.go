package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/spelling"
)

// Row is what a Format writes of a workload: the cells of the table, and some more.
type Row struct {
	Name, ID, Kind, State, Status, Restarts, PID, Started string
	Runtime, Image, Group, Memory, Limit, OOM             string
	// Namespaces are whose its namespaces are, by type.
	Namespaces map[string]string

	of *Workload
}

// MarshalJSON returns the workload as `nsviz ps -o json` writes it.
func (r Row) MarshalJSON() ([]byte, error) { return json.Marshal(r.of) }

// row returns the cells of a workload.
func (c Cells) row(w *Workload) Row {
	r := Row{
		Name: foreign.Clean(w.Label()), ID: c.id(w), Kind: string(w.KindOf()), State: foreign.Clean(string(w.State)), Status: status(w),
		Restarts: restarts(w), PID: pid(w), Started: c.started(w), Runtime: foreign.Clean(w.Runtime), Image: foreign.Clean(w.Image),
		Group: foreign.Clean(w.Group.Path()), Memory: bytesOrUnknown(w.Memory.UsageBytes), Limit: limit(w), OOM: kills(w),
		Namespaces: map[string]string{}, of: w,
	}
	for _, t := range event.NamespaceTypes() {
		r.Namespaces[t.String()] = relationWord(w.Namespaces[t])
	}
	return r
}

// titles returns a row of titles, for the head of a table.
func titles() Row {
	r := Row{
		Name: titleName, ID: titleID, Kind: "KIND", State: "STATE", Status: titleStatus, Restarts: titleRestarts, PID: titlePID,
		Started: titleStarted, Runtime: "RUNTIME", Image: titleImage, Group: "GROUP", Memory: titleMemory, Limit: titleLimit, OOM: titleOOM,
		Namespaces: map[string]string{}, of: &Workload{},
	}
	for _, t := range event.NamespaceTypes() {
		r.Namespaces[t.String()] = t.String()
	}
	return r
}

// Format writes workloads as a template of Go's package text/template has it.
type Format struct {
	template *template.Template // nil is a line of JSON for each
	// titles is what the template makes of the titles of a table; "" is no table.
	titles string
}

// ParseFormat reads a format: a template; "table" and a template with tabs between columns; or "json".
func ParseFormat(text string) (*Format, error) {
	f := &Format{}
	body := strings.TrimSpace(text)
	switch body {
	case "":
		return nil, errors.New("want a template such as '{{.Name}} {{.Status}}', table and a template, or json")
	case "json":
		return f, nil
	case "table":
		return nil, errors.New("want a template after table, such as 'table {{.Name}}\\t{{.Status}}'")
	}
	after, isTable := strings.CutPrefix(body, "table ")
	if isTable {
		text = strings.TrimSpace(after)
	}
	text = strings.NewReplacer(`\t`, "\t", `\n`, "\n").Replace(text)
	parsed, err := template.New("format").Option("missingkey=error").Funcs(template.FuncMap{
		"json": toJSON, "join": strings.Join, "split": strings.Split, "lower": strings.ToLower, "upper": strings.ToUpper,
	}).Parse(text)
	if err != nil {
		return nil, explained(err)
	}
	f.template = parsed
	// Titles are not what every template can work with, but they have all the fields.
	head, err := f.line(titles())
	if missing := (*noFieldError)(nil); errors.As(err, &missing) || err != nil && isTable {
		return nil, err
	}
	if isTable {
		f.titles = head
	}
	return f, nil
}

func toJSON(v any) (string, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(foreign.JSONWriter(&b))
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return strings.TrimSuffix(b.String(), "\n"), err
}

// noFieldError reports a field that no row has.
type noFieldError struct{ name string }

func (e *noFieldError) Error() string {
	var fields []string
	for f := range reflect.TypeFor[Row]().Fields() {
		if f.IsExported() {
			fields = append(fields, f.Name)
		}
	}
	near := strings.TrimSuffix(e.name, "s") // docker ps has Names
	if !slices.Contains(fields, near) {
		near = spelling.Nearest(e.name, fields)
	}
	meant := ""
	if near != "" {
		meant = "; did you mean " + near + "?"
	}
	return fmt.Sprintf("no field %s%s (fields: %s; of Namespaces the types, as in {{.Namespaces.net}})", e.name, meant, strings.Join(fields, ", "))
}

// noField finds in an error of a template the field or the type of namespace that is not there.
var noField = regexp.MustCompile(`can't evaluate field (\S+) in type|map has no entry for key "(.*)"$`)

// explained returns an error of a template in fewer words.
func explained(err error) error {
	if unknown := noField.FindStringSubmatch(err.Error()); unknown != nil {
		return &noFieldError{unknown[1] + unknown[2]}
	}
	return errors.New(strings.TrimPrefix(err.Error(), "template: format:"))
}

// line returns what the template makes of a row. What comes from outside is escaped in it, whatever the template does with it.
func (f *Format) line(r Row) (string, error) {
	if f.template == nil {
		return toJSON(r)
	}
	var b bytes.Buffer
	if err := f.template.Execute(&b, r); err != nil {
		return "", explained(err)
	}
	return foreign.Lines(b.String()), nil
}

// Write writes a list of workloads.
func (f *Format) Write(out io.Writer, list []Workload, c Cells) error {
	lines := make([]string, len(list))
	for i := range list {
		var err error
		if lines[i], err = f.line(c.row(&list[i])); err != nil {
			return err
		}
	}
	if f.titles != "" {
		t := tabbed(f.titles, lines)
		return t.write(out, 0)
	}
	for _, line := range lines {
		if _, err := io.WriteString(out, line+"\n"); err != nil {
			return err
		}
	}
	return nil
}
