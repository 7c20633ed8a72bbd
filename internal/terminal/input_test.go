package terminal

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/transform"
)

// start is the time at which the tests type.
var start = time.Unix(1e9, 0)

func TestInput(t *testing.T) {
	for _, tt := range []struct {
		name, typed, passed string
		// expired is the output after a pause.
		expired string
	}{
		{name: "letters and control keys", typed: "jk\r\x03\x7f\t", passed: "jk\r\x03\x7f\t"},
		{name: "characters of several bytes", typed: "é日👩‍🚀", passed: "é日👩‍🚀"},
		{name: "the replacement character itself", typed: "\ufffdq", passed: "\ufffdq"},
		{name: "a byte that is no UTF-8", typed: "\xffq", passed: "q"},
		{name: "é in Latin-1", typed: "\xe9q", passed: "q"},
		{name: "Meta-q with the eighth bit", typed: "\xf1qj", passed: "qj"},
		{name: "a character cut short", typed: "\xe6\x97q\xe6\x97\xe6\x97\xa5", passed: "q日"},
		{name: "a character that never ends", typed: "\xe6\x97"},
		{name: "a surrogate", typed: "\xed\xa0\x80q", passed: "q"},
		{name: "too long a form", typed: "\xc0\x80\xf8\x88\x80\x80\x80q", passed: "q"},

		{name: "the Esc key", typed: "\x1b", expired: "\x1b"},
		{name: "Esc twice", typed: "\x1b\x1b", passed: "\x1b", expired: "\x1b"},
		{name: "Alt-j", typed: "\x1bj", passed: "\x1bj"},
		{name: "Alt-é", typed: "\x1bé", passed: "é"},
		{name: "Alt-0xff", typed: "\x1b\xffq", passed: "q"},
		{name: "arrows", typed: "\x1b[A\x1bOB\x1b\x1b[1;5C", passed: "\x1b[A\x1bOB\x1b\x1b[1;5C"},
		{name: "a key of the kitty protocol", typed: "\x1b[99;5u", passed: "\x1b[99;5u"},
		{name: "a key in win32 mode", typed: "\x1b[65;30;97;1;0;2_", passed: "\x1b[65;30;97;1;0;2_"},
		{name: "a key in win32 mode, without end", typed: "\x1b[65;30;97;1;0;2000000000_q", passed: "q"},
		{name: "the same with empty parameters", typed: "\x1b[;65;;30;97;1;0;2000_\x1b[65;30;97;1;0;99999999999999999999_q", passed: "q"},
		{name: "a report of the mouse", typed: "\x1b[<0;10;20M", passed: "\x1b[<0;10;20M"},
		{name: "a sequence restarted", typed: "\x1b[1;\x1b[A\x1bO\x1b[B", passed: "\x1b[A\x1b[B"},
		{name: "a sequence cancelled", typed: "\x1b[1;\x18q\x1b]0;\x1aq", passed: "qq"},
		{name: "Ctrl-C in a sequence", typed: "\x1b[1\x03\x1bO\x03\x1b]0;x\x03", passed: "\x03\x03\x03"},
		{name: "a character in a sequence", typed: "\x1b[1éq", passed: "éq"},
		{name: "a sequence that never ends", typed: "\x1b[1;2"},
		{name: "a sequence that is too long", typed: "\x1b[" + strings.Repeat("1;", 200) + "Aq", passed: "q"},
		{name: "SS3 that never ends", typed: "\x1bO"},

		{name: "an OSC", typed: "\x1b]11;rgb:00/00/00\x1b\\q\x1b]0;q\aj", passed: "qj"},
		{name: "a DCS", typed: "\x1bP1+r544e=71\x1b\\q", passed: "q"},
		{name: "APC, PM and SOS", typed: "\x1b_q\x1b\\\x1b^q\x1b\\\x1bXq\x1b\\j", passed: "j"},
		{name: "an OSC that never ends", typed: "\x1b]0;title"},
		{name: "an APC cut short by a key", typed: "\x1b_Gq\x1b[A", passed: "\x1b[A"},
		{name: "an OSC cut short by another", typed: "\x1b]0;q\x1b]0;q\aj", passed: "j"},
		{name: "a character in an OSC", typed: "\x1b]0;日\aj", passed: "j"},
		{name: "an OSC of 64 KiB", typed: "\x1b]" + strings.Repeat("x", maxString+1) + "q", passed: "q"},
		{name: "a CSI of 64 KiB", typed: "\x1b[" + strings.Repeat("1", maxString+maxCSI) + "q", passed: "q"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var in input
			if got := string(in.feed(nil, []byte(tt.typed), start)); got != tt.passed {
				t.Errorf("%q came out as %q, want %q", tt.typed, got, tt.passed)
			}
			waits := in.pause() > 0
			if got := string(in.expire(nil)); got != tt.expired || got != "" && !waits {
				t.Errorf("after a pause of %v: %q, want %q", in.pause(), got, tt.expired)
			}
			if got := string(in.feed(nil, []byte("q"), start)); got != "q" || in.pause() != 0 {
				t.Errorf("q afterwards is %q", got)
			}
			// The result does not depend on how the bytes are divided among reads.
			in, out := input{}, []byte(nil)
			for i := range len(tt.typed) {
				out = in.feed(out, []byte{tt.typed[i]}, start)
			}
			if string(out) != tt.passed {
				t.Errorf("byte by byte: %q, want %q", out, tt.passed)
			}
		})
	}
}

// A key that is held down comes through one second after the start of a string that never ends.
func TestInputHeldDown(t *testing.T) {
	var in input
	var out []byte
	in.feed(nil, []byte("\x1b[A\x1b]0;"), start)
	for at := time.Duration(0); at <= 2*time.Second; at += 30 * time.Millisecond {
		if out = in.feed(out, []byte("j"), start.Add(at)); (len(out) > 0) != (at > sequenceTime) {
			t.Fatalf("after %v: %q", at, out)
		}
	}
}

func TestInputInOtherEncodings(t *testing.T) {
	for _, tt := range []struct {
		of            encoding.Encoding
		charset       charset
		typed, passed string
	}{
		{nil, charsetUTF8, "\xe9q", "q"},
		{encoding.Nop, charsetUTF8, "\xe9q", "q"},
		{charmap.ISO8859_15, charsetOther, "\xe9q\x1b[A\x1b]\xe9\a", "\xe9q\x1b[A"},
		{charmap.KOI8R, charsetOther, "\xe9q", "\xe9q"},
	} {
		in := input{charset: charsetOf(tt.of)}
		if in.charset != tt.charset {
			t.Errorf("%v is %v, want %v", tt.of, in.charset, tt.charset)
		}
		if got := string(in.feed(nil, []byte(tt.typed), start)); got != tt.passed {
			t.Errorf("%v: %q comes out as %q, want %q", tt.of, tt.typed, got, tt.passed)
		}
	}
	in := input{charset: charsetASCII}
	if got := string(in.feed(nil, []byte("\xc3\xa9\xffq"), start)); got != "q" {
		t.Errorf("in ASCII: %q", got)
	}
}

// Whatever is typed, the library's own decoder reaches the end of its input, and little is kept meanwhile.
func FuzzInput(f *testing.F) {
	for _, typed := range []string{"\xffq", "é", "\x1b[A", "\x1b]0;x", "\x1bP\x1b\\", "\x1b[1;1;1;1;1;99999_", "\xe6\x97\x1b"} {
		f.Add([]byte(typed), uint8(1))
	}
	f.Fuzz(func(t *testing.T, typed []byte, size uint8) {
		var in input
		var whole, divided []byte
		whole = in.expire(in.feed(nil, typed, start))
		in = input{}
		for chunk := range slices.Chunk(typed, int(size)+1) {
			divided = in.feed(divided, chunk, start)
			if len(in.pending) > maxCSI+1 {
				t.Fatalf("%d bytes are kept", len(in.pending))
			}
		}
		divided = in.expire(divided)
		if !bytes.Equal(whole, divided) {
			t.Errorf("at once %q, in pieces %q", whole, divided)
		}
		if !utf8.Valid(whole) {
			t.Errorf("%q is no UTF-8", whole)
		}
		decoder := encoding.UTF8Validator
		for rest := whole; len(rest) > 0; {
			n, consumed, err := decoder.Transform(make([]byte, 8), rest, false)
			if consumed == 0 || n == 0 || err != nil && err != transform.ErrShortDst {
				t.Fatalf("the decoder stops at %q: %v", rest, err)
			}
			rest = rest[consumed:]
		}
	})
}

// What a terminal was asked is no key, and whatever else looks like an answer is not taken for one.
func TestAnswers(t *testing.T) {
	rgb := func(c int32) []Answer { return []Answer{{Background: &c}} }
	for _, tt := range []struct {
		name, typed, passed string
		unasked             bool
		answers             []Answer
	}{
		{name: "a background", typed: "\x1b]11;rgb:1616/1818/1c1c\x1b\\q", passed: "q", answers: rgb(0x16181c)},
		{name: "ended by BEL, with two digits", typed: "\x1b]11;rgb:ff/00/80\aq", passed: "q", answers: rgb(0xff0080)},
		{name: "with one digit", typed: "\x1b]11;rgb:f/0/8\a", answers: rgb(0xff0088)},
		{name: "with an opacity", typed: "\x1b]11;rgba:ffff/ffff/ffff/8000\a", answers: rgb(0xffffff)},
		{name: "twice", typed: "\x1b]11;rgb:0/0/0\a\x1b]11;rgb:f/f/f\a", answers: rgb(0)},
		{name: "the foreground", typed: "\x1b]10;rgb:f/f/f\a"},
		{name: "no colour", typed: "\x1b]11;rgb:x/y/z\a\x1b]11;rgb:f/f\a\x1b]11;red\a\x1b]11;rgb:12345/0/0\a"},
		{name: "too long", typed: "\x1b]11;rgb:f/f/f" + strings.Repeat("0", 100) + "\a"},
		{name: "cut short", typed: "\x1b]11;rgb:f/f/f\x1b[A", passed: "\x1b[A"},
		{name: "in a DCS", typed: "\x1bP11;rgb:f/f/f\x1b\\"},
		{name: "not asked", typed: "\x1b]11;rgb:f/f/f\a\x1b[1;3R", passed: "\x1b[1;3R", unasked: true},

		{name: "narrow symbols", typed: "\x1b[1;2Rq", passed: "q", answers: []Answer{{SymbolWidth: 1}}},
		{name: "wide symbols, then a key", typed: "\x1b[1;3R\x1b[1;2R", passed: "\x1b[1;2R", answers: []Answer{{SymbolWidth: 2}}},
		{name: "a position that is none", typed: "\x1b[1;9R\x1b[R\x1b[;R", passed: "\x1b[1;9R\x1b[R\x1b[;R"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			// In one piece, and byte by byte.
			for _, size := range []int{len(tt.typed), 1} {
				in := input{asked: new(asked)}
				in.asked.background.Store(!tt.unasked)
				in.asked.position.Store(!tt.unasked)
				var passed []byte
				for chunk := range slices.Chunk([]byte(tt.typed), size) {
					passed = in.feed(passed, chunk, start)
				}
				if string(passed) != tt.passed {
					t.Errorf("passed %q, want %q", passed, tt.passed)
				}
				if !reflect.DeepEqual(in.answers, tt.answers) {
					t.Errorf("answers %+v, want %+v", in.answers, tt.answers)
				}
			}
		})
	}
}
