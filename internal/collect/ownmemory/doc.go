// Package ownmemory keeps nsviz within the memory that it may use, so that it is not the OOM killer's next victim.
package ownmemory
