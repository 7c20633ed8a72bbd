package pages

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func write(t *testing.T, content string) (top, page string) {
	t.Helper()
	top, page = t.TempDir(), "page.md"
	if err := os.WriteFile(filepath.Join(top, page), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return top, page
}

func texts(commands []Command) []string {
	var all []string
	for _, c := range commands {
		all = append(all, c.Text)
	}
	return all
}

func TestBlocks(t *testing.T) {
	top, page := write(t, strings.ReplaceAll(`# A page

Text that is no command, not even with '''nsviz ps'''.

    sudo nsviz ps    # a comment
    # nothing but a comment
    docker run -d \
        --name web image

- a list
    that goes on

1. a step

       nsviz why web

'''''''''sh
nsviz ns --filter 'type=net # 1'
'''''''''

'''''''''yaml
nsviz: no command
'''''''''
`, "'''", "`"))
	got, err := Blocks(top, page)
	want := []string{"sudo nsviz ps", "docker run -d --name web image", "nsviz why web", "nsviz ns --filter 'type=net # 1'"}
	if err != nil || !slices.Equal(texts(got), want) {
		t.Errorf("got %q, %v", texts(got), err)
	}
	if got[1].String() != "page.md:7: docker run -d --name web image" {
		t.Errorf("the second is %s", got[1])
	}
	spans, err := Spans(top, page)
	if err != nil || !slices.Equal(texts(spans), []string{"nsviz ps"}) {
		t.Errorf("got %q, %v", texts(spans), err)
	}
	fenced, err := Fenced(top, page)
	if err != nil || len(fenced) != 2 || fenced[1] != (Block{Page: page, Line: 22, Language: "yaml", Text: "nsviz: no command\n"}) {
		t.Errorf("got %+v, %v", fenced, err)
	}
	if _, err := Blocks(write(t, "```\nnsviz ps\n```\n")); err == nil || !strings.Contains(err.Error(), "page.md:1: the block has no language") {
		t.Errorf("a block without a language: %v", err)
	}
}

func TestPrograms(t *testing.T) {
	for command, want := range map[string][][]string{
		"sudo bin/nsviz ps --filter 'a b'":                {{"nsviz", "ps", "--filter", "a b"}},
		"nsviz ps > file":                                 {{"nsviz", "ps"}},
		"NSVIZ_URL=x nsviz why web":                       {{"nsviz", "why", "web"}},
		"nohup nsviz record FILE &":                       {{"nsviz", "record", "FILE"}},
		"make && sudo make install":                       {{"make"}, {"make", "install"}},
		"docker stop $(sudo nsviz ps -q)":                 {{"nsviz", "ps", "-q"}, {"docker", "stop"}},
		"docker exec nsviz /nsviz why hog":                {{"docker", "exec", "nsviz", "/nsviz", "why", "hog"}, {"nsviz", "why", "hog"}},
		"test/lint vet":                                   {{"test/lint", "vet"}},
		"nsviz serve --log-events '' --export otlp=http:": {{"nsviz", "serve", "--log-events", "", "--export", "otlp=http:"}},
	} {
		got, err := Programs(t.Context(), command)
		if err != nil || !slices.EqualFunc(got, want, slices.Equal) {
			t.Errorf("%s: %q, %v", command, got, err)
		}
	}
	for _, command := range []string{"nsviz ps 'without an end", "true"} {
		if got, err := Programs(t.Context(), command); err == nil {
			t.Errorf("%s: %q", command, got)
		}
	}
}

func TestAll(t *testing.T) {
	found, err := All("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range []string{"README.md", "docs/README.md", "docs/howto/why-it-died.md", "docs/runbooks/NsvizDown.md", "deploy/grafana/README.md"} {
		if !slices.Contains(found, page) {
			t.Errorf("there is no %s in %q", page, found)
		}
	}
}
