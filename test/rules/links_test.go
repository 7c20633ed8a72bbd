package rules_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	// link matches a Markdown link to a file of this repository or to a heading: its path and its anchor, of which one may be missing.
	link = regexp.MustCompile(`\]\(([^)#:\s]*)(?:#([^)\s]*))?\)`)
	// picture matches the file of a picture in HTML.
	picture = regexp.MustCompile(`\bsrc(?:set)?="([^":]+)"`)
	// fenced matches a block of code, in which nothing is a heading.
	fenced  = regexp.MustCompile("(?ms)^```.*?^```$")
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	// unanchored matches what the anchor of a heading leaves out.
	unanchored = regexp.MustCompile(`[^\pL\pN _-]`)
)

// anchors returns the anchors of a page's headings, as GitHub makes them.
func anchors(page []byte) []string {
	var all []string
	for _, match := range heading.FindAllSubmatch(fenced.ReplaceAll(page, nil), -1) {
		text := unanchored.ReplaceAllString(strings.ToLower(string(match[1])), "")
		all = append(all, strings.ReplaceAll(text, " ", "-"))
	}
	return all
}

func TestAnchors(t *testing.T) {
	page := "# A page\n\n```sh\n# no heading\n```\n\n## `nsviz ps -o json`, and more\n"
	if got := anchors([]byte(page)); !slices.Equal(got, []string{"a-page", "nsviz-ps--o-json-and-more"}) {
		t.Errorf("got %q", got)
	}
}

func TestDocumentLinks(t *testing.T) {
	top, anchored, pictures := root(t), 0, 0
	eachFile(t, []string{".md"}, func(path string, content []byte) {
		for _, match := range picture.FindAllSubmatch(content, -1) {
			pictures++
			if _, err := os.Stat(filepath.Join(top, filepath.Dir(path), string(match[1]))); err != nil {
				t.Errorf("%s shows %s, which does not exist", path, match[1])
			}
		}
		for _, match := range link.FindAllSubmatch(content, -1) {
			target, anchor := filepath.Join(top, filepath.Dir(path), string(match[1])), string(match[2])
			if len(match[1]) == 0 {
				target = filepath.Join(top, path)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s, which does not exist", path, match[1])
				continue
			}
			if anchor == "" || filepath.Ext(target) != ".md" {
				continue
			}
			anchored++
			page, err := os.ReadFile(target)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Contains(anchors(page), anchor) {
				t.Errorf("%s links to %s#%s, and no heading there has that anchor", path, match[1], anchor)
			}
		}
	})
	if anchored == 0 || pictures == 0 {
		t.Errorf("%d links have an anchor, and there are %d pictures", anchored, pictures)
	}
}

// Who looks for a page finds it in docs/README.md, or, if it is about one alert, in the list of these.
func TestEveryPageIsListed(t *testing.T) {
	top := root(t)
	listed := func(index string) []string {
		content, err := os.ReadFile(filepath.Join(top, index))
		if err != nil {
			t.Fatal(err)
		}
		var pages []string
		for _, match := range link.FindAllSubmatch(content, -1) {
			pages = append(pages, filepath.Join(filepath.Dir(index), string(match[1])))
		}
		return pages
	}
	pages := slices.Concat(listed("docs/README.md"), listed("docs/runbooks/README.md"))
	eachFile(t, []string{".md"}, func(path string, _ []byte) {
		path = filepath.Clean(path)
		if strings.HasPrefix(path, "docs"+string(filepath.Separator)) && path != "docs/README.md" && !slices.Contains(pages, path) {
			t.Errorf("docs/README.md does not list %s", path)
		}
	})
}
