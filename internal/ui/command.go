package ui

// command is what keys do, by a name that settings use. A command does the same wherever it does something.
type command int

// The commands.
const (
	cmdNone command = iota
	cmdBack
	cmdUp
	cmdDown
	cmdPageUp
	cmdPageDown
	cmdHalfPageUp
	cmdHalfPageDown
	cmdFirst
	cmdLast
	cmdOpen
	cmdFold
	cmdUnfold
	cmdToggleFold
	cmdWalkLeft
	cmdWalkRight
	cmdFind
	cmdNextFound
	cmdPreviousFound
	cmdFilter
	cmdExplain
	cmdCopyID
	cmdCopyCommand
	cmdSort
	cmdReverse
	cmdColumns
	cmdSandboxes
	cmdArrange
	cmdExport
	cmdFreeze
	cmdEarlier
	cmdLater
	cmdSkipBack
	cmdSkipOn
	cmdOldest
	cmdNewest
	cmdNow
	cmdFaster
	cmdSlower
	cmdNextView
	cmdPreviousView
	cmdWorkloads
	cmdMap
	cmdNamespaces
	cmdKills
	cmdStarts
	cmdEvents
	cmdHost
	cmdMouse
	cmdRedraw
	cmdSuspend
	cmdHelp
	cmdQuit
	cmdAccept
	cmdCancel
	cmdComplete
	cmdDeleteLetter
	cmdDeleteWord
	cmdDeleteAll
	cmdPick
	cmdPlaceLeft
	cmdPlaceRight
	cmdUsual
	cmdExportText
	cmdExportPicture
	cmdExportJSON

	commandCount
)

// commandWords are the name of a command in settings, its keys if none are chosen, and what it does, for a comment.
type commandWords struct {
	name  string
	keys  string // with blanks between them
	about string
}

// commandTable has the words of each command.
var commandTable = [commandCount]commandWords{
	cmdBack:          {"back", "esc", "close what is open: the help, an explanation, a page, a search, a filter"},
	cmdUp:            {"up", "up k", "a row up"},
	cmdDown:          {"down", "down j", "a row down"},
	cmdPageUp:        {"page-up", "pgup ctrl-b", "a screen up"},
	cmdPageDown:      {"page-down", "pgdn ctrl-f", "a screen down"},
	cmdHalfPageUp:    {"half-page-up", "ctrl-u", "half a screen up"},
	cmdHalfPageDown:  {"half-page-down", "ctrl-d", "half a screen down"},
	cmdFirst:         {"first", "home g", "to the first row"},
	cmdLast:          {"last", "end G", "to the last row"},
	cmdOpen:          {"open", "enter", "open the row under the cursor, or what a page leads to"},
	cmdFold:          {"fold", "left", "fold the group under the cursor"},
	cmdUnfold:        {"unfold", "right", "unfold it"},
	cmdToggleFold:    {"toggle-fold", "space", "fold the group under the cursor or unfold it"},
	cmdWalkLeft:      {"walk-left", "left", "on the map, to the room before"},
	cmdWalkRight:     {"walk-right", "right", "on the map, to the next room"},
	cmdFind:          {"find", "/ f3", "find rows by a text"},
	cmdNextFound:     {"next-found", "n", "the next row that the search found"},
	cmdPreviousFound: {"previous-found", "N", "the one before"},
	cmdFilter:        {"filter", "f f4", "filter rows by an expression"},
	cmdExplain:       {"explain", "w", "explain what is under the cursor"},
	cmdCopyID:        {"copy-id", "y", "copy the id of what is under the cursor"},
	cmdCopyCommand:   {"copy-command", "Y", "copy the command of the explanation"},
	cmdSort:          {"sort", "s f6", "choose what the containers are sorted by"},
	cmdReverse:       {"reverse", "r S", "reverse the order"},
	cmdColumns:       {"columns", "o", "choose the columns and their places"},
	cmdSandboxes:     {"sandboxes", "a", "list sandboxes and services, too"},
	cmdArrange:       {"arrange", "t", "list the namespaces as trees or as a table"},
	cmdExport:        {"export", "e", "write what is on screen to a file"},
	cmdFreeze:        {"freeze", "space", "freeze the screen, and let it go on"},
	cmdEarlier:       {"earlier", "left", "back in time by an event"},
	cmdLater:         {"later", "right", "on in time by an event"},
	cmdSkipBack:      {"skip-back", "shift-left", "back in time by ten seconds"},
	cmdSkipOn:        {"skip-on", "shift-right", "on in time by ten seconds"},
	cmdOldest:        {"oldest", "home", "while frozen, the oldest state that is kept"},
	cmdNewest:        {"newest", "end", "while frozen, the newest state"},
	cmdNow:           {"now", "l", "while frozen, back to now"},
	cmdFaster:        {"faster", "+ =", "play a recording faster"},
	cmdSlower:        {"slower", "-", "play a recording slower"},
	cmdNextView:      {"next-view", "tab", "the next view"},
	cmdPreviousView:  {"previous-view", "shift-tab", "the view before"},
	cmdWorkloads:     {"workloads", "1", "the view of workloads"},
	cmdMap:           {"map", "2", "the map"},
	cmdNamespaces:    {"namespaces", "3", "the view of namespaces"},
	cmdKills:         {"kills", "4", "the view of OOM kills"},
	cmdStarts:        {"starts", "5", "the view of starts"},
	cmdEvents:        {"events", "6", "the view of events"},
	cmdHost:          {"host", "7", "the view of the host"},
	cmdMouse:         {"mouse", "m", "leave the mouse to the terminal, and take it again"},
	cmdRedraw:        {"redraw", "ctrl-l", "draw the screen anew"},
	cmdSuspend:       {"suspend", "ctrl-z", "stop nsviz and go back to the shell"},
	cmdHelp:          {"help", "? f1", "the help"},
	cmdQuit:          {"quit", "q f10", "quit; ctrl-c quits whatever is chosen here"},
	cmdAccept:        {"accept", "enter", "keep the text that is entered, or the choice"},
	cmdCancel:        {"cancel", "esc", "end what is entered or chosen"},
	cmdComplete:      {"complete", "tab", "complete a word of a filter"},
	cmdDeleteLetter:  {"delete-letter", "backspace", "delete a letter of the text that is entered"},
	cmdDeleteWord:    {"delete-word", "ctrl-w", "delete a word of it"},
	cmdDeleteAll:     {"delete-all", "ctrl-u", "delete all of it"},
	cmdPick:          {"pick", "space", "among choices: show a column or hide it, sort by it"},
	cmdPlaceLeft:     {"place-left", "left -", "move the chosen column to the left"},
	cmdPlaceRight:    {"place-right", "right +", "move it to the right"},
	cmdUsual:         {"usual", "d", "take back all choices"},
	cmdExportText:    {"export-text", "t", "after export: write text"},
	cmdExportPicture: {"export-picture", "s", "after export: write a picture (SVG)"},
	cmdExportJSON:    {"export-json", "j", "after export: write JSON"},
}

// viewCommands are the commands that show a view, in the order of the views.
var viewCommands = [tabCount]command{
	Containers: cmdWorkloads, Map: cmdMap, Namespaces: cmdNamespaces, Kills: cmdKills, Starts: cmdStarts, Events: cmdEvents, Host: cmdHost,
}

// movements are the keys that move as commands do.
var movements = map[command]KeyName{
	cmdUp: KeyUp, cmdDown: KeyDown, cmdPageUp: KeyPageUp, cmdPageDown: KeyPageDown, cmdHalfPageUp: KeyCtrlU, cmdHalfPageDown: KeyCtrlD,
	cmdFirst: KeyHome, cmdLast: KeyEnd, cmdWalkLeft: KeyLeft, cmdWalkRight: KeyRight,
}

// needed are the commands that must keep a key: without them there is no way out of what is open.
var needed = []command{cmdBack, cmdOpen, cmdAccept, cmdCancel}

// CommandSetting is what a file of settings can say of the keys of a command.
type CommandSetting struct {
	Name string
	// Keys are those of nsviz without any settings.
	Keys  []string
	About string
}

// CommandSettings returns all commands to which keys can be given.
func CommandSettings() []CommandSetting {
	var list []CommandSetting
	for c := cmdNone + 1; c < commandCount; c++ {
		list = append(list, CommandSetting{
			Name: commandTable[c].name, About: commandTable[c].about,
			Keys: keysOf(Keymap(nil).of(c), func(k Key) string { return k.word().name }),
		})
	}
	return list
}
