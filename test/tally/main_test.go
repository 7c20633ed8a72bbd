package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The streams in testdata are output of go test, with equal times.
func TestRun(t *testing.T) {
	tests := map[string]struct {
		stream string
		args   []string
		code   int
		stdout string
		stderr string
	}{
		"passing": {
			stream: "passing.json",
			stdout: `ok  	example.com/good	0.001s
    a_test.go:3: needs a moon
--- SKIP: TestSkips (0.00s)
ok  	example.com/skips	0.001s
?   	example.com/none	[no test files]
4 passed, 0 failed, 1 skipped
`,
		},
		"every test": {
			stream: "passing.json",
			args:   []string{"-v"},
			stdout: `--- PASS: TestOne (0.00s)
--- PASS: TestTable/a (0.00s)
--- PASS: TestTable/b (0.00s)
--- PASS: TestTable (0.00s)
ok  	example.com/good	0.001s
    a_test.go:3: needs a moon
--- SKIP: TestSkips (0.00s)
--- PASS: TestRuns (0.00s)
ok  	example.com/skips	0.001s
?   	example.com/none	[no test files]
4 passed, 0 failed, 1 skipped
`,
		},
		"names with slashes": {
			stream: "slashes.json",
			code:   1,
			stdout: `    a_test.go:7: no socket
--- FAIL: TestPaths//run/docker.sock (0.00s)
--- FAIL: TestPaths (0.00s)
FAIL
FAIL	example.com/slashes	0.001s
1 passed, 1 failed, 0 skipped
`,
		},
		"skips are failures": {
			stream: "passing.json",
			args:   []string{"-no-skips"},
			code:   1,
			stdout: `ok  	example.com/good	0.001s
    a_test.go:3: needs a moon
--- SKIP: TestSkips (0.00s)
ok  	example.com/skips	0.001s
?   	example.com/none	[no test files]
4 passed, 0 failed, 1 skipped
`,
			stderr: "tally: 1 tests were skipped, and -no-skips asks that all of them run\n",
		},
		"failing": {
			stream: "failing.json",
			code:   1,
			stdout: `    a_test.go:4: one is not two
--- FAIL: TestTable/wrong (0.00s)
--- FAIL: TestTable (0.00s)
    a_test.go:5: the table is too short
--- FAIL: TestOwn (0.00s)
FAIL
FAIL	example.com/bad	0.001s
3 passed, 2 failed, 0 skipped
`,
		},
		"not built": {
			stream: "unbuildable.json",
			code:   1,
			stdout: `# example.com/broken [example.com/broken.test]
broken/a_test.go:3:28: undefined: undefined
FAIL	example.com/broken [build failed]
0 passed, 1 failed, 0 skipped
`,
		},
		"process died in a test": {
			stream: "dying.json",
			code:   1,
			stdout: `--- FAIL: TestExits (did not end)
FAIL	example.com/exits	0.001s
--- FAIL: TestParent (did not end)
FAIL	example.com/parentdies	0.001s
1 passed, 2 failed, 0 skipped
`,
		},
		"go test was killed": {
			stream: "killed.json",
			code:   1,
			stdout: `--- FAIL: TestTable/a (did not end)
FAIL	example.com/good [cut short]
1 passed, 1 failed, 0 skipped
`,
		},
		"nothing ran": {
			stream: "none.json",
			code:   1,
			stdout: "go: warning: \"./none/...\" matched no packages\n0 passed, 0 failed, 0 skipped\n",
			stderr: "tally: no test ran\n",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			stream, err := os.Open(filepath.Join("testdata", test.stream))
			if err != nil {
				t.Fatal(err)
			}
			defer stream.Close()

			var stdout, stderr bytes.Buffer
			code := run(test.args, stream, &stdout, &stderr)
			if code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			if diff := cmp.Diff(test.stdout, stdout.String()); diff != "" {
				t.Errorf("stdout (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.stderr, stderr.String()); diff != "" {
				t.Errorf("stderr (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSum(t *testing.T) {
	file := filepath.Join(t.TempDir(), "counts")
	tests := []struct {
		stream string
		code   int
		sum    string
	}{
		{"passing.json", 0, "4 passed, 0 failed, 1 skipped\n"},
		{"passing.json", 0, "8 passed, 0 failed, 2 skipped\n"},
		{"failing.json", 1, "11 passed, 2 failed, 2 skipped\n"},
	}
	for _, test := range tests {
		stream, err := os.ReadFile(filepath.Join("testdata", test.stream))
		if err != nil {
			t.Fatal(err)
		}
		var out, errs bytes.Buffer
		run([]string{"-add", file}, bytes.NewReader(stream), &out, &errs)
		out.Reset()
		if code := run([]string{"-sum", file}, nil, &out, &errs); code != test.code {
			t.Errorf("exit code %d of the sum, want %d", code, test.code)
		}
		if out.String() != test.sum || errs.String() != "" {
			t.Errorf("sum %q, errors %q; want %q", out.String(), errs.String(), test.sum)
		}
	}
}

func TestSumRefuses(t *testing.T) {
	nonsense := filepath.Join(t.TempDir(), "counts")
	if err := os.WriteFile(nonsense, []byte("all well\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{nonsense, nonsense + ".missing"} {
		var out, errs bytes.Buffer
		if code := run([]string{"-sum", file}, nil, &out, &errs); code != 1 || out.Len() > 0 {
			t.Errorf("%s: exit code %d and %q on stdout, want 1 and nothing", file, code, out.String())
		}
		if !strings.Contains(errs.String(), file) {
			t.Errorf("the error %q does not name the file %s", errs.String(), file)
		}
	}
}

func TestUsage(t *testing.T) {
	var out, errs bytes.Buffer
	if code := run([]string{"-nonsense"}, nil, &out, &errs); code != 2 {
		t.Errorf("exit code %d, want 2", code)
	}
}
