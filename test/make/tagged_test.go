package make_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// test/tagged lists the package of every test in a file with a build tag, and chooses that test.
func TestTaggedChoosesAll(t *testing.T) {
	for _, tag := range []string{"root", "e2e"} {
		out, err := exec.CommandContext(t.Context(), "../tagged", tag).Output()
		if err != nil {
			t.Fatal(err)
		}
		packages := strings.Fields(string(out))
		chosen := regexp.MustCompile(strings.TrimPrefix(packages[0], "-run="))
		tagged := regexp.MustCompile(`(?m)^//go:build (?:.* )?` + tag + `\b`)
		found := 0
		err = filepath.WalkDir("../..", func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			if !slices.ContainsFunc(file.Comments, func(c *ast.CommentGroup) bool { return c.Pos() < file.Package && tagged.MatchString(c.List[0].Text) }) {
				return nil
			}
			for _, decl := range file.Decls {
				f, ok := decl.(*ast.FuncDecl)
				if !ok || f.Recv != nil || !strings.HasPrefix(f.Name.Name, "Test") || f.Name.Name == "TestMain" {
					continue
				}
				found++
				home := "./" + filepath.ToSlash(strings.TrimPrefix(filepath.Dir(path), "../../"))
				if !chosen.MatchString(f.Name.Name) || !slices.Contains(packages, home) {
					t.Errorf("test/tagged %s leaves out %s in %s", tag, f.Name.Name, home)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if found == 0 {
			t.Errorf("no test has the build tag %s", tag)
		}
	}
}
