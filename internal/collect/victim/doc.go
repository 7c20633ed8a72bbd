// Package victim finds the process that the kernel's OOM killer would choose if a memory limit were reached now.
package victim
