package ui

// helpPage explains the words of the screen to somebody who has never met them, then the keys.
func helpPage(w int) []line {
	const left, names = 2, 14
	w = min(w, 108)
	var lines []line
	section := func(title string) {
		if len(lines) > 0 {
			lines = append(lines, nil)
		}
		lines = append(lines, text(Strong, " "+title))
	}
	add := func(name, value string) { lines = append(lines, facts(name, text(Plain, value), left, names, w)...) }

	section("What is this?")
	lines = append(lines, paragraph(text(Plain, "A container is no small computer. It is ordinary processes of this host, which the kernel shows less "+
		"(namespaces) and allows less (cgroups). nsviz asks the kernel itself, so what you see is what is, not what was configured."), left, w)...)
	lines = append(lines, nil)
	add("namespace", "A private copy of one thing a process can see: its own files (mnt), process numbers (pid), network (net), shared memory (ipc), "+
		"host name (uts), users (user), cgroup tree (cgroup) or boot clock (time). Two processes in the same namespace see the same.")
	add("● ○ a b ? !", "● the container has one of its own. ○ it uses the host's: no wall there (bold where engines usually put one up). A letter: it shares one with the containers that show the same letter "+
		"in that column. ? nsviz could not read it. ! whoever it was made for has another one now.")
	add("cgroup", "A group of processes with a budget. Its memory limit is what docker run --memory sets. The bar shows how much of it is used. "+
		"Not held: PID 1 was moved out of it. Stuck: the OOM killer is off for it. 20!: it was refused more processes.")
	add("OOM kill", "OOM is out of memory. When a group is at its limit and asks for more, the kernel picks one of its processes and kills it. "+
		"If that was the container's PID 1, the container ends; if not, it lives on and its log may show nothing.")
	add("OOM kills seen", "In the first line, those that nsviz has seen since it began, in all containers and outside. The column OOM has all since the "+
		"container started, by the kernel's own count, so also those from before nsviz began.")
	add("host PID", "Inside, the first process of a container is PID 1. It has another number on the host, and with that number you can find it in ps.")
	add("START", "From the making of the cgroup to the first instruction of the container's own program. It is short because no kernel boots.")
	add("LAST MINUTE", "Memory. Full height is the limit, or all the host has where there is no limit. × is where OOM kills fell.")

	add("VM", "A virtual machine is a small computer, and from here one process: its memory is the guest's, its threads are the guest's processors (VCPU). "+
		"Inside runs a kernel of its own, with processes, containers and OOM kills that this kernel knows nothing of (▒). RESIDENT/GIVEN: what the process takes of the host, "+
		"and what the guest was given. KVM lets the guest run on the real processors; emulated is in software, and slow.")

	section("Keys")
	add("↑ ↓ j k", "move the cursor, or scroll a page; also PgUp, PgDn, Home, End")
	add("enter", "open the row under the cursor: a container, a VM, a kill, a namespace; Esc goes back")
	add("1 to 5, tab", "the views: containers, namespaces, OOM kills, events, this host")
	add("/", "find: only rows that contain the text stay; Esc shows all again")
	add("space", "freeze the screen and let it go on; nothing is lost meanwhile")
	add("q, ctrl-c", "quit")
	return lines
}
