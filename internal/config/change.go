package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"go.yaml.in/yaml/v3"
)

// Change sets texts and lists in a file and leaves all else in it as it is, comments included. Values without any remove their key.
// The file is replaced in one step; it is made, with its directory, if there is none. What it replaces keeps its owner and rights.
// Root changes no file below a directory in which others may put links: these could lead anywhere.
func Change(path string, changes []Setting) error {
	data, err := contents(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("change the settings: %w", err)
	}
	root, err := parse(path, data)
	if err != nil {
		return err
	}
	var document yaml.Node
	if root == nil {
		root = &yaml.Node{Kind: yaml.MappingNode}
		document = yaml.Node{Kind: yaml.DocumentNode, Content: []*yaml.Node{root}}
	} else if err := yaml.Unmarshal(data, &document); err != nil { // with the comments around the mapping
		return syntax(path, err)
	} else {
		root = document.Content[0]
	}
	for _, c := range changes {
		set(root, c)
	}
	var out bytes.Buffer
	if root.Kind == yaml.MappingNode && len(root.Content) > 0 {
		encoder := yaml.NewEncoder(&out)
		encoder.SetIndent(2)
		if err := errors.Join(encoder.Encode(&document), encoder.Close()); err != nil {
			return fmt.Errorf("change the settings: %w", err)
		}
	}
	if len(bytes.TrimSpace(data)) > 0 && onlyComments(data) { // the library drops them with an empty document
		out.WriteString(string(bytes.TrimRight(data, "\n")) + "\n")
	}
	if err := replace(path, out.Bytes()); err != nil {
		return fmt.Errorf("change the settings: %w", err)
	}
	return nil
}

// onlyComments reports whether no line of a document has a key.
func onlyComments(data []byte) bool {
	for line := range bytes.Lines(data) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' {
			return false
		}
	}
	return true
}

func set(root *yaml.Node, c Setting) {
	for i := 0; i+1 < len(root.Content); i += 2 {
		if root.Content[i].Value != c.Name {
			continue
		}
		if len(c.Values) == 0 {
			root.Content = append(root.Content[:i:i], root.Content[i+2:]...)
			return
		}
		value := node(c)
		value.LineComment = root.Content[i+1].LineComment
		root.Content[i+1] = value
		return
	}
	if len(c.Values) > 0 {
		root.Content = append(root.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: c.Name}, node(c))
	}
}

func node(c Setting) *yaml.Node {
	if c.Kind == Text {
		return text(c.Values[0])
	}
	list := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
	for _, v := range c.Values {
		list.Content = append(list.Content, text(v))
	}
	return list
}

// text returns the node of a text. The library quotes it where it would be read as something else.
func text(s string) *yaml.Node {
	var n yaml.Node
	n.SetString(s)
	return &n
}

// replace writes a file beside another and renames it.
func replace(path string, data []byte) error {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target // a link to a file that is kept elsewhere stays one
	} else if dir, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		path = filepath.Join(dir, filepath.Base(path))
	}
	dir := filepath.Dir(path)
	if uid := os.Geteuid(); uid == 0 {
		if err := isOnlyOf(uint32(uid), dir); err != nil { //nolint:gosec // it is 0
			return err
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	file, err := os.CreateTemp(dir, ".nsviz-*")
	if err != nil {
		return err
	}
	mode := fs.FileMode(0o644)
	if info, err := os.Stat(path); err == nil {
		mode = info.Mode().Perm()
		if owner, ok := info.Sys().(*syscall.Stat_t); ok {
			_ = file.Chown(int(owner.Uid), int(owner.Gid)) // only root can, and only root needs to
		}
	}
	_, err = file.Write(data)
	if err = errors.Join(err, file.Chmod(mode), file.Sync(), file.Close()); err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		_ = os.Remove(file.Name()) // the first error matters
	}
	return err
}

// isOnlyOf checks that nobody but a user and root may change which directory a path leads to. What does not exist yet is nobody else's.
func isOnlyOf(uid uint32, dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	for {
		info, err := os.Lstat(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err == nil {
			stat, ok := info.Sys().(*syscall.Stat_t)
			shared := info.Mode().Perm()&0o022 != 0 && info.Mode()&fs.ModeSticky == 0
			if !ok || stat.Uid != 0 && stat.Uid != uid || shared {
				return fmt.Errorf("others than root may change what %s is", dir)
			}
		}
		if above := filepath.Dir(dir); above != dir {
			dir = above
			continue
		}
		return nil
	}
}
