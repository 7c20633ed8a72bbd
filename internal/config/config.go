package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"go.yaml.in/yaml/v3"

	"github.com/nsviz/nsviz/internal/spelling"
)

// Kind says what a key's value looks like.
type Kind int

// The kinds.
const (
	Text  Kind = iota
	List       // a list of texts, or a single one
	Table      // texts by name
)

// Key is a key that a file may have.
type Key struct {
	Name string
	Kind Kind
}

// Setting is a key of a file with its value.
type Setting struct {
	Key
	// Values are the text, or the texts of a list.
	Values []string
	// Entries are those of a table, in the order of the file.
	Entries []Entry
	// At is the place of the value.
	At Place
}

// Entry is a line of a table.
type Entry struct {
	Name string
	// At is the place of the name.
	At Place
	// Values are the text, or the texts of a list, and ValuesAt their places.
	Values   []string
	ValuesAt []Place
}

// Place is a place in a file. Lines and columns count from 1.
type Place struct {
	File         string
	Line, Column int
}

// Error is a mistake in a file.
type Error struct {
	Place

	Err error
}

// Error names the place as compilers do.
func (e *Error) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %v", e.File, e.Err)
	}
	return fmt.Sprintf("%s:%d:%d: %v", e.File, e.Line, e.Column, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// maxSize is larger than any file of settings.
const maxSize = 1 << 20

// Read returns the settings of a file, in its order. A file that need not exist has none, which is no error, if it
// does not, or is in a directory that may not be entered. A
// mistake is an *Error.
func Read(path string, must bool, keys []Key) ([]Setting, error) {
	data, err := contents(path)
	if !must && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, errOutOfReach)) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the settings: %w", err)
	}
	root, err := parse(path, data)
	if err != nil || root == nil {
		return nil, err
	}
	return settings(path, root, keys)
}

// errOutOfReach reports a file in a directory that may not be entered: that of another user's home, by HOME of a changed user.
var errOutOfReach = errors.New("out of reach")

// contents reads a regular file of limited size. It does not wait for the writer of a FIFO, also if that takes the place of the file just now.
func contents(path string) ([]byte, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("%w: %w", errOutOfReach, err)
	} else if err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", path)
	}
	data, err := io.ReadAll(io.LimitReader(file, maxSize+1))
	if err == nil && len(data) > maxSize {
		err = fmt.Errorf("%s is longer than %d bytes", path, maxSize)
	}
	return data, err
}

// parse returns the mapping of a document; nil of an empty one.
func parse(path string, data []byte) (*yaml.Node, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var document, next yaml.Node
	if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, syntax(path, err)
	}
	if err := decoder.Decode(&next); err == nil {
		return nil, &Error{Place{path, next.Line, next.Column}, errors.New("a second document; want one")}
	} else if !errors.Is(err, io.EOF) {
		return nil, syntax(path, err)
	}
	root := &document
	if document.Kind == yaml.DocumentNode && len(document.Content) == 1 {
		root = document.Content[0]
	}
	if root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
		return nil, nil // comments alone
	}
	if root.Kind != yaml.MappingNode {
		return nil, &Error{Place{path, root.Line, root.Column}, errors.New("want lines such as KEY: VALUE")}
	}
	return root, nil
}

// syntax returns the library's error with its line as a place.
func syntax(path string, err error) error {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	var line int
	if n, scanned := fmt.Sscanf(text, "line %d:", &line); scanned == nil && n == 1 {
		_, text, _ = strings.Cut(text, ": ")
		return &Error{Place{path, line, 1}, errors.New(text)}
	}
	return &Error{Place{File: path}, errors.New(text)}
}

func settings(path string, root *yaml.Node, keys []Key) ([]Setting, error) {
	var found []Setting
	seen := make(map[string]int)
	for i := 0; i+1 < len(root.Content); i += 2 {
		name, value := root.Content[i], resolved(root.Content[i+1])
		at := Place{path, name.Line, name.Column}
		key, err := keyOf(name, keys)
		if err != nil {
			return nil, &Error{at, err}
		}
		if line, twice := seen[key.Name]; twice {
			return nil, &Error{at, fmt.Errorf("%s is set twice, also in line %d", key.Name, line)}
		}
		seen[key.Name] = name.Line
		place := Place{path, value.Line, value.Column}
		setting := Setting{Key: key, At: place}
		if key.Kind == Table {
			setting.Entries, err = entriesOf(path, key.Name, value)
		} else {
			setting.Values, err = valuesOf(value, key.Kind)
		}
		if err != nil && !errors.As(err, new(*Error)) {
			err = &Error{place, fmt.Errorf("%s: %w", key.Name, err)}
		}
		if err != nil {
			return nil, err
		}
		found = append(found, setting)
	}
	return found, nil
}

func keyOf(name *yaml.Node, keys []Key) (Key, error) {
	names := make([]string, len(keys))
	for i, k := range keys {
		if names[i] = k.Name; name.Kind == yaml.ScalarNode && name.Value == k.Name {
			return k, nil
		}
	}
	if name.Kind != yaml.ScalarNode {
		return Key{}, errors.New("want the name of a key")
	}
	if near := spelling.Nearest(name.Value, names); near != "" {
		return Key{}, fmt.Errorf("no key is called %q; did you mean %s?", name.Value, near)
	}
	return Key{}, fmt.Errorf("no key is called %q; nsviz config lists all that this version has", name.Value)
}

// resolved returns the node that an alias stands for.
func resolved(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

func valuesOf(n *yaml.Node, kind Kind) ([]string, error) {
	switch {
	case n.Kind == yaml.ScalarNode && n.Tag == "!!null":
		return nil, errors.New("want a value")
	case kind == Text && n.Kind == yaml.ScalarNode, kind == List && n.Kind == yaml.ScalarNode:
		return []string{n.Value}, nil
	case kind == Text:
		return nil, errors.New("want a single value")
	case kind == List && n.Kind == yaml.SequenceNode:
		return scalars(n.Content)
	}
	return nil, errors.New("want a list, such as [a, b]")
}

// entriesOf returns the lines of a table. A mistake in one of them is an *Error with its place.
func entriesOf(path, table string, n *yaml.Node) ([]Entry, error) {
	if n.Kind != yaml.MappingNode {
		return nil, errors.New("want lines such as NAME: VALUE")
	}
	var entries []Entry
	lines := make(map[string]int)
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := resolved(n.Content[i]), resolved(n.Content[i+1])
		at := Place{path, name.Line, name.Column}
		if name.Kind != yaml.ScalarNode {
			return nil, &Error{at, fmt.Errorf("%s: want a name", table)}
		}
		if line, twice := lines[name.Value]; twice {
			return nil, &Error{at, fmt.Errorf("%s: %s is set twice, also in line %d", table, name.Value, line)}
		}
		lines[name.Value] = name.Line
		values, err := valuesOf(value, List)
		if err != nil {
			return nil, &Error{Place{path, value.Line, value.Column}, fmt.Errorf("%s: %s: %w", table, name.Value, err)}
		}
		entry := Entry{Name: name.Value, At: at, Values: values}
		nodes := value.Content
		if value.Kind == yaml.ScalarNode {
			nodes = []*yaml.Node{value}
		}
		for _, v := range nodes {
			entry.ValuesAt = append(entry.ValuesAt, Place{path, v.Line, v.Column})
		}
		entries = append(entries, entry)
	}
	return entries, nil
}

func scalars(nodes []*yaml.Node) ([]string, error) {
	values := make([]string, len(nodes))
	for i, n := range nodes {
		if n = resolved(n); n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
			return nil, fmt.Errorf("want single values, not what is in line %d", n.Line)
		}
		values[i] = n.Value
	}
	return values, nil
}
