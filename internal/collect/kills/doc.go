// Package kills completes OOM kills with what the kernel's files hold right after them.
package kills
