package ui

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/groups"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

// topic is an explanation of one thing on the screen: a few sentences, and the command that shows it without nsviz.
type topic struct {
	title string
	words line
	// hand is a shell command; "" if there is none, as of what has ended.
	hand string
}

// explainPanel explains what is under the cursor.
func (sc screen) explainPanel() []row {
	const left = 2
	again := sc.state.Keys.firstCap(cmdExplain, cmdBack)
	of := here(sc.state, sc.live).subject()
	if len(of.topics) == 0 {
		return []row{{line: rule(text(Title, "what is this?").add(Dim, ", "+again+" closes"), sc.w)}, {line: text(Plain, "  Nothing is under the cursor.")}}
	}
	n := min(sc.state.Explain, len(of.topics))
	topic := of.topics[n-1]
	next := fmt.Sprintf(", %d of %d, %s goes on, %s closes", n, len(of.topics), again, sc.state.Keys.cap(cmdBack))
	if n == len(of.topics) {
		next = fmt.Sprintf(", %d of %d, %s closes", n, n, again)
	}
	rows := []row{{line: rule(text(Title, topic.title).add(Dim, next), sc.w)}}
	rows = append(rows, plainRows(paragraph(topic.words, left, min(sc.w, 120)))...)
	if topic.hand != "" {
		rows = append(rows, plainRows(paragraph(text(Dim, "by hand: ").add(KeyCap, topic.hand), left, sc.w))...)
	}
	return rows
}

// explained leads to the next topic; behind the last one the panel is closed.
func (at place) explained() State {
	at.Explain++
	if at.Explain > max(len(at.subject().topics), 1) {
		at.Explain = 0
	}
	return at.State
}

// plain returns sentences.
func plain(sentences ...string) line { return text(Plain, strings.Join(sentences, " ")) }

// memoryFile returns the path of a file of the hierarchy that counts memory, as one word of a shell; "" if nsviz cannot say.
func memoryFile(cgroup, version, v1, v2 string) string {
	return story.MemoryFile(cgroup, version, v1, v2)
}

// shellWord returns a text as one word of a shell.
func shellWord(s string) string { return story.ShellWord(s) }

// ownCommand returns a command of nsviz about a name, which an engine or a process has chosen.
func ownCommand(verb, name string, flags ...string) string {
	word := []string{shellWord(foreign.Clean(name))}
	words := []string{"nsviz", verb}
	if strings.HasPrefix(name, "-") { // it is no flag
		words = slices.Concat(words, flags, []string{"--"}, word)
	} else {
		words = slices.Concat(words, word, flags)
	}
	return strings.Join(words, " ")
}

// readBy returns the command that prints a file; "" if there is none.
func readBy(file string) string {
	if file == "" {
		return ""
	}
	return "cat " + file
}

// forPID returns a command about a process; "" if nsviz does not know which, or it has ended.
func forPID(pid int32, format string) string {
	if pid == 0 {
		return ""
	}
	return strings.ReplaceAll(format, "PID", strconv.Itoa(int(pid)))
}

// containerTopics explains a row of the table of containers, from left to right.
func containerTopics(c *model.Container, s *model.Snapshot) []topic {
	name := foreign.Name(c.Label)
	pid := c.InitPID
	if !c.Live() {
		pid = 0
	}
	history := ownCommand("why", c.Label)
	topics := []topic{{title: name, words: inOneSentence(c, s), hand: forPID(pid, "ps -o pid,ppid,user,rss,args -p PID --ppid PID")}}
	if !c.Live() {
		topics[0].hand = history
	}
	if machineOf(c, s) == nil && c.Live() {
		topics = append(topics, topic{
			title: "what " + name + " sees",
			words: placeOf(c.Namespaces, name, "other containers").add(Plain, " A namespace of its own is a wall: a private copy of one thing that a process can see. Where it uses the host's, there is no wall."),
			hand:  forPID(pid, "lsns -p PID"),
		})
		for _, t := range event.NamespaceTypes() {
			topics = append(topics, membershipTopic(name, c.Namespaces[t], t, pid))
		}
	}
	topics = append(topics, memoryTopic(name, c, s.Host.CgroupVersion))
	kills := text(Plain, "OOM kills of "+name+": ").join(killCount(c)).add(Plain, ". ").
		join(plain("When a cgroup is at its limit and asks for more, the kernel picks one of its processes and kills it. If that was not PID 1, the container lives on, and its log may show nothing."))
	topics = append(topics, topic{"OOM kills of " + name, kills, byHand(&event.OOM{Scope: event.ScopeCgroup, Cgroup: c.CgroupPath}, s.Host.CgroupVersion)})
	if c.StartDuration != nil {
		topics = append(topics, topic{"the start of " + name, plain(
			"It took "+story.StartDuration(*c.StartDuration)+" from the making of its cgroup to the first instruction of its own program.",
			"That is short because no kernel boots: the runtime makes namespaces and a cgroup, then runs an ordinary program in them.",
			"Enter shows the steps."), history})
	}
	return topics
}

// isolation says of a type of namespace what follows for who has one of its own and for who uses the host's, and the command that
// shows what a process sees.
type isolation struct{ own, host, hand string }

func isolationOf(t event.NamespaceType) isolation {
	switch t {
	case event.Mnt:
		return isolation{"A path inside is another file than the same path outside.", "It sees the files and mounts of the host.", "findmnt -N PID"}
	case event.PID:
		return isolation{"Its first process is PID 1 inside, and has another number on the host.", "It sees the processes of the host, and can signal those of its user.", "grep NSpid /proc/PID/status"}
	case event.Net:
		return isolation{"Only those who are in it share its interfaces, addresses and ports.", "It can take ports of the host, and reach what listens on localhost only.", "nsenter -t PID -n ip -brief address"}
	case event.IPC:
		return isolation{"Shared memory of others is out of its reach.", "It can reach the shared memory of the host's processes.", "nsenter -t PID -i ipcs -m"}
	case event.UTS:
		return isolation{"It can be called otherwise than the host.", "It is called as the host is.", "nsenter -t PID -u hostname"}
	case event.User:
		return isolation{"Its root is an ordinary user of the host.", "Its root is the host's root, held back only by fewer capabilities and other filters.", "cat /proc/PID/uid_map"}
	case event.CgroupNS:
		return isolation{"Its own cgroup looks like the root of the tree.", "It sees where in the host's tree it is.", "cat /proc/PID/cgroup"}
	}
	return isolation{"Its clocks can count from another boot.", "Its uptime is the host's.", "cat /proc/PID/timens_offsets"}
}

// membershipTopic explains a symbol below the type of a namespace.
func membershipTopic(name string, m model.Membership, t event.NamespaceType, pid int32) topic {
	kind := isolationOf(t)
	words := []string{fmt.Sprintf("A %s namespace sets apart: %s.", t, story.Isolates(t))}
	number := ""
	if m.ID != 0 {
		number = fmt.Sprintf(" (%d)", m.ID)
	}
	switch {
	case m.Abandoned != nil:
		words = append(words, fmt.Sprintf("%s: %s is in one that %s has left%s.", story.DeadSign, name, foreign.Name(m.Abandoned.By), number), "Who shares it with the others does not see what they see now.")
	case m.Relation == model.RelationOwn:
		words = append(words, fmt.Sprintf("%s: %s has one of its own%s.", story.OwnSign, name, number), kind.own)
	case m.Relation == model.RelationHost:
		words = append(words, fmt.Sprintf("%s: %s uses the host's%s, so there is no wall.", story.HostSign, name, number), kind.host)
	case m.Relation == model.RelationShared:
		words = append(words, fmt.Sprintf("%s: %s shares one with %s%s.", story.GroupLetter(m.Group), name, story.Listed(m.SharedWith.Labels()), number), kind.own)
	default:
		words = append(words, fmt.Sprintf("%s: nsviz could not read which one %s is in.", story.UnknownSign, name), "So it is unknown whether there is a wall.")
	}
	return topic{"the " + t.String() + " namespace of " + name, plain(words...), forPID(pid, kind.hand)}
}

func memoryTopic(name string, c *model.Container, version string) topic {
	m := c.Memory
	words := []string{"The kernel counts the memory of all processes in the cgroup, with the files that it has cached for them."}
	limit := "Its limit is unknown."
	switch {
	case m.Unlimited:
		limit = "It has no limit: it may take all that the host has, and then the kernel looks for a victim on the whole host."
	case m.LimitBytes != nil:
		limit = "Its limit is " + story.Bytes(*m.LimitBytes) + ": there the kernel first gives cached files back, then kills a process in it."
	}
	if m.UsageBytes != nil {
		words = append(words, name+" uses "+story.Bytes(*m.UsageBytes)+".")
	} else {
		words = append(words, "How much "+name+" uses is unknown.")
	}
	hand := readBy(memoryFile(c.CgroupPath, version, "memory.limit_in_bytes", "memory.max"))
	if !c.Live() {
		hand = ""
	}
	return topic{"the memory of " + name, plain(append(words, limit)...), hand}
}

func groupTopics(g *groups.Group) []topic {
	return []topic{{foreign.Name(g.Of.Path()), plain(
		"This is the heading of a group, and no container: "+story.Listed(memberNames(g))+" belong together.",
		"A pod shares namespaces on purpose; the containers of a compose project only share a name.",
		"The numbers are sums over the members; + is at least that much."), ""}}
}

// memberNames returns what at most a few members of a group are called in it.
func memberNames(g *groups.Group) (names []string) {
	const most = 4
	for i, c := range g.Members {
		if i == most {
			return append(names, fmt.Sprintf("%d more", len(g.Members)-most))
		}
		names = append(names, foreign.Name(g.MemberName(c)))
	}
	return names
}

func vmTopics(v *model.VM, s *model.Snapshot) []topic {
	name := foreign.Name(v.Label())
	memory := "How much it takes of the host is unknown."
	if v.ResidentBytes != nil {
		memory = "It takes " + story.Bytes(*v.ResidentBytes) + " of the host."
	}
	topics := []topic{
		{name, storyLine(story.VMInWords(v), s.Time), forPID(v.PID, "ps -o pid,user,rss,nlwp,args -p PID")},
		{"the memory of " + name, plain(memory, "The guest was given its memory at its start; the host finds a page for it when the guest first writes there.",
			"Who in the guest uses it, the guest's kernel alone knows."), forPID(v.PID, "grep Rss /proc/PID/status")},
	}
	if v.Kind != fact.KindGVisor {
		topics = append(topics, topic{"the processors of " + name, plain("Each processor of the guest is a thread of the process.",
			"Under KVM it runs the guest's code on a real processor; emulated is in software, and slow."), forPID(v.PID, "ps -T -o tid,comm,time -p PID")})
	}
	return topics
}

func namespaceTopics(n *model.Namespace, s *model.Snapshot) []topic {
	_, by := creationText(n, s)
	words := plain(fmt.Sprintf("A %s namespace sets apart: %s.", n.Type, story.Isolates(n.Type)), "In this one: ").
		join(inhabitants(n, s)).add(Plain, ". Made by: ").join(by).add(Plain, ".")
	hand := ""
	if len(n.Processes) > 0 {
		hand = fmt.Sprintf("lsns -o PID,PPID,USER,COMMAND %d", n.ID)
	}
	topics := []topic{{fmt.Sprintf("%s namespace %d", n.Type, n.ID), words, hand}}
	if len(n.Processes) > 0 {
		kind := isolationOf(n.Type)
		says := kind.own
		if n.Host {
			says = kind.host
		}
		topics = append(topics, topic{"who is in it", plain(says, "Two processes in the same namespace see the same."), forPID(n.Processes[0], kind.hand)})
	}
	return topics
}

func killTopics(k *model.Kill, s *model.Snapshot) []topic {
	topics := []topic{{"this OOM kill", storyLine(story.Kill(k, s), s.Time), ""}}
	o := k.Event.OOM
	if o == nil {
		return topics
	}
	topics[0].hand = byHand(o, s.Host.CgroupVersion)
	return append(topics, topic{"why this process", plain(
		"Among the processes that may be killed, the kernel takes the one with the highest score.",
		"The score is the memory that its end would give back, and oom_score_adj, which anyone may raise and root may lower."),
		forPID(story.VictimPID(k), "dmesg | grep 'Killed process PID '")})
}

// eventTopics explains a kind of event.
func eventTopics(e *event.Event, s *model.Snapshot) []topic {
	hand := "nsviz events --filter " + shellWord("type="+string(e.Type))
	words := eventMeaning(e.Type)
	switch {
	case e.OOM != nil:
		hand = byHand(e.OOM, s.Host.CgroupVersion)
	case e.Type == event.NamespaceCreated, e.Type == event.NamespaceJoined:
		hand = forPID(e.PID, "ls -l /proc/PID/ns")
	case e.Type == event.ContainerExited && e.Container.Label() != "":
		hand = ownCommand("why", e.Container.Label())
	}
	return []topic{{string(e.Type), plain(words), hand}}
}

// unknownMeaning is what is said of an event in the recording of a newer nsviz.
const unknownMeaning = "This nsviz does not know this kind of event; a newer one recorded it."

// eventMeaning says what a type of event means.
func eventMeaning(t event.Type) string {
	switch t {
	case event.NamespaceCreated:
		return "A process made a namespace by clone or unshare. Who is in it sees a private copy of one thing; it lives as long as a process or a file keeps it."
	case event.NamespaceJoined:
		return "A process entered a namespace that was there by setns, as docker exec and nsenter do. From then on it sees what those in there see."
	case event.NamespaceFreed:
		return "Nobody was in the namespace any more and nothing kept it, so the kernel freed it. What was in it, such as its interfaces or mounts, is gone."
	case event.CgroupCreated:
		return "A runtime made a group of processes with a budget: a directory of the cgroup file system. It is the first thing that is made for a container."
	case event.CgroupRemoved:
		return "A group of processes with a budget was removed: nobody was in it any more. The kernel's counts of it, such as its OOM kills, went with it."
	case event.ContainerStarted:
		return "The container's own program runs its first instruction. Before that the runtime has made its namespaces and its cgroup and put its files together."
	case event.ContainerEntered:
		return "Somebody ran a program in a container from outside, as docker exec and nsenter do. It sees what the container sees, and may not be held by its limits."
	case event.InitMoved:
		return "The container's PID 1 was moved to another cgroup. The limits of a cgroup hold those that are in it, and nobody else."
	case event.ContainerExited:
		return "The container's PID 1 ended, and with it all that ran in its PID namespace, if it had one of its own. The kernel says how: by an exit code or by a signal."
	case event.OOMKill:
		return "A cgroup, or the host, was out of memory, and the kernel killed a process to get some back. The victim ends by SIGKILL, as by a kill by hand; the kernel alone knows the difference."
	case event.EventsLost:
		return "Events came faster than nsviz took them, and the kernel dropped some. What they would have told is missing here; the counts of OOM kills are the kernel's own."
	}
	return unknownMeaning
}
