package ui

// Style is the meaning of a cell; the palette has its look. Selected and Matched are flags on
// top of one of the plain styles.
type Style uint8

// The styles.
const (
	Plain     Style = iota
	Strong          // the key words of a sentence
	Dim             // secondary: units, rules, ended containers
	Title           // column headers and headings
	Name            // a container
	Number          // an identifier that users may want to copy
	Own             // a namespace of the container's own
	HostUsual       // the host's namespace where engines leave it so by default
	HostBare        // the host's namespace where engines isolate by default: a missing wall
	Shared          // a namespace shared with another container
	Unknown         // something nsviz could not learn
	Calm            // memory far from its limit, things that work
	Warn            // memory near its limit, things to look at
	Alarm           // memory at its limit
	KillMark        // an OOM kill
	KillLabel       // the banner's label while the kill is fresh
	Creation        // an event that makes something
	Death           // an event that ends something
	Moved           // an event that moves a process
	KeyCap          // a key to press
	Bar             // the header
	BarName         // the program's name in it
	BarDim          // what separates the header's parts
	BarLive         // the live mark
	BarAlarm        // OOM kills and lost events in it
	BarFrozen       // the frozen or replay mark
	TabOn           // the view that is shown
	TabOff          // the others

	styleCount

	// Selected marks the row under the cursor, Matched what the search found.
	Selected Style = 1 << 6
	Matched  Style = 1 << 7

	styleMask = Selected - 1
)

// styleLetters has one letter per style, in the order of the constants. A selected cell's letter is
// in upper case; '/' is a match.
const styleLetters = ".sdtniouvx?cwakzbemjgfhlyrpq"

var styleNames = [styleCount]string{
	"plain", "strong", "dim", "title", "name", "number", "own", "the host's, as usual",
	"the host's, a missing wall", "shared", "unknown", "calm", "warn", "alarm", "kill mark", "kill label", "creation",
	"death", "moved", "key", "bar", "bar name", "bar dim", "bar live", "bar alarm", "bar frozen",
	"tab on", "tab off",
}

// base returns the style without flags.
func (s Style) base() Style { return s & styleMask }

// Letter returns the style's letter in the style plane of a golden file.
func (s Style) Letter() byte {
	letter := styleLetters[s.base()]
	switch {
	case s&Matched != 0:
		return '/'
	case s&Selected == 0:
		return letter
	case letter == '.':
		return ':'
	case letter == '?':
		return '!'
	default:
		return letter - 'a' + 'A'
	}
}

// String returns the style's name.
func (s Style) String() string {
	if s.base() >= styleCount {
		return "no style"
	}
	return styleNames[s.base()]
}
