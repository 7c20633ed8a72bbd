package anatomy

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Every finding that the code can make is on the page of findings, and no other.
func TestFindingsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/reference/FINDINGS.md")
	if err != nil {
		t.Fatal(err)
	}
	var documented []string
	for _, row := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\|").FindAllSubmatch(page, -1) {
		documented = append(documented, string(row[1]))
	}
	slices.Sort(documented)
	if diff := cmp.Diff(findingIDs(t), documented); diff != "" {
		t.Errorf("findings (-code +docs/reference/FINDINGS.md):\n%s", diff)
	}
}

// findingIDs returns the ids in this package's literals of Finding, with TYPE for a type of namespace.
func findingIDs(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, file := range files {
		if !strings.HasSuffix(file, "_test.go") {
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, idsIn(parsed)...)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

func idsIn(file *ast.File) (ids []string) {
	ast.Inspect(file, func(n ast.Node) bool {
		literal, ok := n.(*ast.CompositeLit)
		if !ok {
			return true
		}
		if name, ok := literal.Type.(*ast.Ident); !ok || name.Name != "Finding" {
			return true
		}
		for _, element := range literal.Elts {
			if field, ok := element.(*ast.KeyValueExpr); ok && field.Key.(*ast.Ident).Name == "ID" {
				ids = append(ids, text(field.Value))
			}
		}
		return true
	})
	return ids
}

// text returns the value of an expression of strings, with TYPE for what is computed. A variable is the id of a namespace of the host.
func text(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		value, err := strconv.Unquote(e.Value)
		if err == nil {
			return value
		}
	case *ast.BinaryExpr:
		return text(e.X) + text(e.Y)
	case *ast.Ident:
		return "host_TYPE_namespace"
	}
	return "TYPE"
}
