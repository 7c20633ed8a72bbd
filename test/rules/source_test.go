package rules_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/build/constraint"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// maxLines is the length above which a file has more than one subject.
const maxLines = 600

// root returns the folder of go.mod.
func root(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod above the tests")
		}
		dir = parent
	}
}

// eachFile calls visit with the slash-separated path and the content of every file with one of the extensions.
func eachFile(t *testing.T, extensions []string, visit func(path string, content []byte)) {
	t.Helper()
	tree := os.DirFS(root(t))
	seen := 0
	err := fs.WalkDir(tree, ".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains([]string{".git", "bin", "testdata"}, entry.Name()):
			return fs.SkipDir
		case !entry.Type().IsRegular() || !slices.Contains(extensions, filepath.Ext(path)):
			return nil
		}
		content, err := fs.ReadFile(tree, path)
		if err != nil {
			return err
		}
		seen++
		visit(path, content)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen == 0 {
		t.Fatalf("no files with %v", extensions)
	}
}

// breaches lists a Go file's breaches of the rules.
func breaches(path string, content []byte) ([]string, error) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, content, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var found []string
	report := func(pos token.Pos, what string) {
		found = append(found, fmt.Sprintf("%s: %s", files.Position(pos), what))
	}

	test := strings.HasSuffix(path, "_test.go")
	for _, decl := range file.Decls {
		function, _ := decl.(*ast.FuncDecl)
		if function != nil && function.Recv == nil && function.Name.Name == "init" {
			report(function.Pos(), "init hides what a program does; let main or a constructor do it")
		}
		mayExit := function != nil && function.Recv == nil &&
			(file.Name.Name == "main" && function.Name.Name == "main" || test && function.Name.Name == "TestMain")
		ast.Inspect(decl, func(n ast.Node) bool {
			selector, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			of, ok := selector.X.(*ast.Ident)
			ofMain := ok && of.Name == "time" && file.Name.Name == "main"
			if selector.Sel.Name == "Local" && !test && !ofMain {
				report(n.Pos(), "the time zone is passed in, by main")
			}
			if !ok {
				return true
			}
			name := of.Name + "." + selector.Sel.Name
			switch {
			case test && name == "time.Sleep":
				report(n.Pos(), "a test waits for a signal, not for time to pass")
			case name == "os.Exit" || strings.HasPrefix(name, "log.Fatal") || strings.HasPrefix(name, "log.Panic"):
				if !mayExit {
					report(n.Pos(), "only main ends the program; return an error")
				}
			}
			return true
		})
	}
	return found, nil
}

func TestGoFiles(t *testing.T) {
	eachFile(t, []string{".go"}, func(path string, content []byte) {
		found, err := breaches(path, content)
		if err != nil {
			t.Error(err)
		}
		for _, breach := range found {
			t.Error(breach)
		}
	})
}

func TestBreaches(t *testing.T) {
	tests := []struct {
		path, source string
		found        int
	}{
		{"a.go", "package a\nfunc init() {}", 1},
		{"a.go", "package a\ntype T int\nfunc (T) init() {}", 0},
		{"a.go", "package a\nimport \"os\"\nfunc f() { os.Exit(1) }", 1},
		{"a.go", "package a\nimport \"os\"\nfunc main() { os.Exit(1) }", 1},
		{"main.go", "package main\nimport \"os\"\nfunc main() { os.Exit(1) }", 0},
		{"main.go", "package main\nimport \"log\"\nfunc run() { log.Fatalf(\"no\") }", 1},
		{"a.go", "package a\nimport \"os\"\nvar exit = os.Exit", 1},
		{"a.go", "package a\nimport \"time\"\nfunc f() { time.Sleep(1) }", 0},
		{"a_test.go", "package a\nimport \"time\"\nfunc f() { func() { time.Sleep(1) }() }", 1},
		{"a.go", "package a\nimport \"time\"\nvar zone = time.Local", 1},
		{"a.go", "package a\nimport \"time\"\nfunc f(t time.Time) { t.Local() }", 1},
		{"main.go", "package main\nimport \"time\"\nvar zone = time.Local", 0},
		{"main.go", "package main\nimport \"time\"\nfunc f(t time.Time) { t.Local() }", 1},
		{"a_test.go", "package a\nimport \"os\"\nfunc TestMain() { os.Exit(1) }", 0},
	}
	for _, test := range tests {
		found, err := breaches(test.path, []byte(test.source))
		if err != nil {
			t.Fatal(err)
		}
		if len(found) != test.found {
			t.Errorf("found %q in %s, want %d\n%s", found, test.path, test.found, test.source)
		}
	}
}

func TestFileLengths(t *testing.T) {
	eachFile(t, []string{".go", ".c", ".h", ".sh", ""}, func(path string, content []byte) {
		lines := bytes.Count(content, []byte("\n"))
		generated := strings.HasPrefix(path, "gen/")
		source := filepath.Ext(path) != "" || bytes.HasPrefix(content, []byte("#!"))
		if source && !generated && lines > maxLines {
			t.Errorf("%s has %d lines, more than %d: which of its subjects is a file of its own?", path, lines, maxLines)
		}
	})
}

// unknownTags lists the build tags of a test file that no `make test-…` sets.
func unknownTags(content []byte) []string {
	known := []string{"root", "e2e", "vm", "systemd", "linux", "amd64", "arm64", "race"}
	var unknown []string
	for line := range strings.Lines(string(content)) {
		if !constraint.IsGoBuild(line) {
			continue
		}
		expr, err := constraint.Parse(strings.TrimSpace(line))
		if err != nil {
			return []string{line}
		}
		expr.Eval(func(tag string) bool {
			if !slices.Contains(known, tag) {
				unknown = append(unknown, tag)
			}
			return true
		})
	}
	return unknown
}

// A test that CI never runs is useless.
func TestBuildTags(t *testing.T) {
	eachFile(t, []string{".go"}, func(path string, content []byte) {
		if !strings.HasSuffix(path, "_test.go") {
			return
		}
		for _, tag := range unknownTags(content) {
			t.Errorf("%s: no make target runs tests with the build tag %q", path, tag)
		}
	})
}

func TestUnknownTags(t *testing.T) {
	tests := map[string]int{
		"package a":                                      0,
		"//go:build root\n\npackage a":                   0,
		"//go:build linux && e2e\n\npackage a":           0,
		"//go:build slow\n\npackage a":                   1,
		"//go:build root && (slow || dark)\n\npackage a": 2,
	}
	for source, want := range tests {
		if unknown := unknownTags([]byte(source)); len(unknown) != want {
			t.Errorf("unknown tags %q, want %d of them in\n%s", unknown, want, source)
		}
	}
}

// sourceName matches the name of a source file, in code format in Markdown.
var sourceName = regexp.MustCompile("`([\\w/.-]+/[\\w.-]+\\.(?:go|c|h))`")

// The pages that describe where things are name existing files: paths from the top, or below internal/.
func TestDocumentFiles(t *testing.T) {
	top, named := root(t), 0
	eachFile(t, []string{".md"}, func(path string, content []byte) {
		for _, match := range sourceName.FindAllSubmatch(content, -1) {
			named++
			_, err := os.Stat(filepath.Join(top, string(match[1])))
			if err != nil {
				_, err = os.Stat(filepath.Join(top, "internal", string(match[1])))
			}
			if err != nil {
				t.Errorf("%s names %s, which does not exist", path, match[1])
			}
		}
	})
	if named == 0 {
		t.Error("no page names a file")
	}
}

// A message that the loop handles: the receiver of its method.
var handled = regexp.MustCompile(`(?m)^func \((?:\w+ )?\*?(\w+)\) handle\(`)

// docs/ARCHITECTURE.md lists every type of message that the pipeline's loop handles, and no other.
func TestMessagesAreDocumented(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root(t), "docs/ARCHITECTURE.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(page), "| message | from |")
	if !found {
		t.Fatal("the table of messages is gone")
	}
	table, _, _ = strings.Cut(table, "\n\n")
	var listed []string
	for _, row := range strings.Split(table, "\n")[2:] {
		for name := range strings.SplitSeq(strings.Split(row, "|")[1], ",") {
			listed = append(listed, strings.Trim(name, " `"))
		}
	}
	var handlers []string
	eachFile(t, []string{".go"}, func(path string, content []byte) {
		if filepath.ToSlash(filepath.Dir(path)) != "internal/pipeline" || strings.HasSuffix(path, "_test.go") {
			return
		}
		for _, match := range handled.FindAllSubmatch(content, -1) {
			handlers = append(handlers, string(match[1]))
		}
	})
	slices.Sort(listed)
	slices.Sort(handlers)
	if len(handlers) == 0 || !slices.Equal(listed, handlers) {
		t.Errorf("listed are %q, handled %q", listed, handlers)
	}
}
