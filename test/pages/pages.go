// Package pages reads the commands that the documentation tells its readers to run, for the tests that run or check them.
package pages

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Command is a command of a page.
type Command struct {
	Page string // its path below the top of the repository
	Line int    // where it begins
	Text string // without its comment; continued lines are joined
}

// String returns where the command stands, and the command.
func (c Command) String() string { return fmt.Sprintf("%s:%d: %s", c.Page, c.Line, c.Text) }

// All returns the paths of the pages for readers below the top of the repository.
func All(top string) ([]string, error) {
	found := []string{"README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"}
	for _, dir := range []string{"docs", "deploy"} {
		err := filepath.WalkDir(filepath.Join(top, dir), func(path string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case entry.IsDir() && entry.Name() == "node_modules":
				return fs.SkipDir
			case filepath.Ext(path) == ".md":
				below, err := filepath.Rel(top, path)
				found = append(found, below)
				return err
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// shells are the languages of blocks that have commands. Blocks of any other language have none; indented blocks always have commands.
var shells = []string{"sh", "bash", "console"}

var (
	fence    = regexp.MustCompile("^( *)```(\\S*)")
	indented = regexp.MustCompile(`^ {4,}(\S.*)`)
	item     = regexp.MustCompile(`^ *([-*]|\d+\.) `)
	comment  = regexp.MustCompile(`(^|\s+)#\s[^']*$`) // with a quote in it, # is part of a word
	// span matches text between backticks. A bar in a cell of a table stands there as \|.
	span = regexp.MustCompile("`([^`\n]+)`")
)

// Blocks returns the commands of a page's blocks: those of a fenced block whose language is a shell, and of an indented block. A fenced
// block without a language is an error: nobody could tell whether it has commands.
func Blocks(top, page string) ([]Command, error) {
	var commands []Command
	continued := false
	err := eachLine(top, page, func(number int, line, language string, fenced bool) {
		text := line
		switch {
		case fenced && !slices.Contains(shells, language):
			return
		case !fenced:
			match := indented.FindStringSubmatch(line)
			if match == nil {
				continued = false
				return
			}
			text = match[1]
		}
		text = strings.TrimSpace(comment.ReplaceAllString(text, ""))
		if text == "" {
			return
		}
		rest, more := strings.CutSuffix(text, `\`)
		rest = strings.TrimSpace(rest)
		if continued {
			commands[len(commands)-1].Text += " " + rest
		} else {
			commands = append(commands, Command{Page: page, Line: number, Text: rest})
		}
		continued = more
	})
	return commands, err
}

// Spans returns the texts between backticks outside of blocks.
func Spans(top, page string) ([]Command, error) {
	var spans []Command
	err := eachLine(top, page, func(number int, line, _ string, fenced bool) {
		if fenced || indented.MatchString(line) {
			return
		}
		for _, match := range span.FindAllStringSubmatch(line, -1) {
			spans = append(spans, Command{Page: page, Line: number, Text: strings.ReplaceAll(match[1], `\|`, "|")})
		}
	})
	return spans, err
}

// eachLine calls a function for each line of a page but the fences themselves. A line of a list that goes on is not an indented block.
func eachLine(top, page string, use func(number int, line, language string, fenced bool)) error {
	text, err := os.ReadFile(filepath.Join(top, page))
	if err != nil {
		return err
	}
	language, fenced, number, prose := "", false, 0, false
	for line := range strings.Lines(string(text)) {
		number++
		line = strings.TrimRight(line, "\n")
		if match := fence.FindStringSubmatch(line); match != nil {
			fenced = !fenced
			if language = match[2]; fenced && language == "" {
				return fmt.Errorf("%s:%d: the block has no language: sh if a reader is to type it, text if it is none", page, number)
			}
			continue
		}
		if !fenced {
			// After a blank line indented text is a block; below a line of prose it goes on with that line.
			switch {
			case strings.TrimSpace(line) == "":
				prose = false
			case item.MatchString(line) || !strings.HasPrefix(line, "    "):
				prose = true
			}
			if prose {
				line = strings.TrimLeft(line, " ")
			}
		}
		use(number, line, language, fenced)
	}
	return nil
}

// Block is a fenced block of a page.
type Block struct {
	Page     string
	Line     int // the first one in it
	Language string
	Text     string
}

// Fenced returns the fenced blocks of a page.
func Fenced(top, page string) ([]Block, error) {
	var blocks []Block
	last := -1
	err := eachLine(top, page, func(number int, line, language string, fenced bool) {
		switch {
		case !fenced:
			return
		case number != last+1:
			blocks = append(blocks, Block{Page: page, Line: number, Language: language})
		}
		last = number
		blocks[len(blocks)-1].Text += line + "\n"
	})
	return blocks, err
}
