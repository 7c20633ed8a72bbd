package main

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
)

// guide is a page of the documentation or a picture in one, by its path in the source and in the package's folder of documents.
type guide string

// guides returns those that a package has: the README and all of docs.
func guides(source string) ([]guide, error) {
	list := []guide{"README.md"}
	err := fs.WalkDir(os.DirFS(source), "docs", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			list = append(list, guide(name))
		}
		return err
	})
	return list, err
}

// link is a link of Markdown to a file; a picture has a mark before it.
var link = regexp.MustCompile(`(!?)\[([^\]]*)\]\(([^):#\s]+)(#[^)]*)?\)`)

// read returns the text of a guide. What links to something that the package lacks is text alone.
func (g guide) read(source string, shipped []guide) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(source, string(g)))
	if err != nil || path.Ext(string(g)) != ".md" {
		return text, err
	}
	return link.ReplaceAllFunc(text, func(found []byte) []byte {
		parts := link.FindSubmatch(found)
		if len(parts[1]) > 0 || slices.Contains(shipped, guide(path.Join(path.Dir(string(g)), string(parts[3])))) {
			return found
		}
		return parts[2]
	}), nil
}
