package main

import (
	"os"
	"strings"
	"testing"
)

// docs/FLEET.md has the rules that were measured.
func TestLeanRulesAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../docs/FLEET.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, regex := range []string{leanNames, leanTypes} {
		if !strings.Contains(string(page), "regex: "+regex+"\n") {
			t.Errorf("no %s", regex)
		}
	}
}

// The made-up host has the series that docs/FLEET.md counts for it.
func TestMadeUpNode(t *testing.T) {
	none, err := scrapeOf(newNode(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	some, err := scrapeOf(newNode(0, 10))
	if err != nil {
		t.Fatal(err)
	}
	if each := (some.series - none.series) / 10; each < 55 || each > 64 || some.lean >= some.series {
		t.Errorf("%d series for each container; %+v, %+v", each, none, some)
	}
}
