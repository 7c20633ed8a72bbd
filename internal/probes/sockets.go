package probes

import (
	"fmt"
	"io"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/link"

	"github.com/nsviz/nsviz/gen"
)

// socketIterator is the program that walks over sockets. It hooks nothing and is in no plan.
const socketIterator = "sockets_iter"

// Socket is an open socket of another network namespace than its process's.
type Socket struct {
	NetNamespace uint64
	Inode        uint64 // its own, as in socket:[1234]
	PID          int32
	FD           uint32
}

// Sockets finds the network namespaces that live because a socket of theirs is open: /proc does not show the namespace
// of a socket. It walks over the open files of all processes, in the kernel, each time that it is
// asked.
type Sockets struct {
	iter   *link.Iter
	failed error // why it cannot be used
}

// OpenSockets loads the iterator over sockets. If the kernel refuses it, Foreign returns the error.
func OpenSockets() *Sockets { return openSockets(btf.NewCache()) }

func openSockets(cache *btf.Cache) *Sockets {
	s := &Sockets{}
	s.iter, s.failed = attachSocketIterator(cache)
	return s
}

// Foreign lists the sockets that are of another network namespace than their process.
func (s *Sockets) Foreign() ([]Socket, error) {
	if s.failed != nil {
		return nil, s.failed
	}
	reader, err := s.iter.Open()
	if err != nil {
		return nil, fmt.Errorf("walk over the sockets: %w", err)
	}
	defer reader.Close()
	records, err := io.ReadAll(reader)
	if err != nil {
		return nil, fmt.Errorf("walk over the sockets: %w", err)
	}
	var list []Socket
	const size = int(unsafe.Sizeof(gen.NsvizForeignSocket{}))
	for ; len(records) > 0; records = records[size:] {
		w, err := whole[gen.NsvizForeignSocket](records)
		if err != nil {
			return nil, fmt.Errorf("walk over the sockets: %w", err)
		}
		list = append(list, Socket{NetNamespace: uint64(w.Net), Inode: w.Inode, PID: int32(w.Tgid), FD: w.Fd})
	}
	return list, nil
}

// Close releases what the kernel holds; Foreign must not be called after that.
func (s *Sockets) Close() error {
	if s.iter == nil {
		return nil
	}
	return s.iter.Close()
}

func attachSocketIterator(cache *btf.Cache) (*link.Iter, error) {
	spec, err := gen.LoadNsviz()
	if err != nil {
		return nil, fmt.Errorf("read the built-in BPF programs: %w", err)
	}
	coll, err := ebpf.NewCollectionWithOptions(&ebpf.CollectionSpec{
		Programs: map[string]*ebpf.ProgramSpec{socketIterator: spec.Programs[socketIterator]}, Types: spec.Types, ByteOrder: spec.ByteOrder,
	}, ebpf.CollectionOptions{Cache: cache})
	if err != nil {
		return nil, fmt.Errorf("walk over the sockets: %w", plainCause(err))
	}
	defer coll.Close() // the link keeps the program
	iter, err := link.AttachIter(link.IterOptions{Program: coll.Programs[socketIterator]})
	if err != nil {
		return nil, fmt.Errorf("walk over the sockets: %w", plainCause(err))
	}
	return iter, nil
}
