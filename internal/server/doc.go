// Package server serves nsviz over HTTP: metrics, a health check, a landing page, and the API that answers questions
// about the history of a container, a namespace or a cgroup.
//
// Listen opens the addresses and a Server answers on them, so that a port in use is known before
// anything else starts:
//
//	listeners, err := server.Listen(addresses)
//	s, err := server.New(config)
//	err = s.Serve(ctx, listeners)
//
// Clients cannot keep nsviz from its work: connections, scrapes, questions and full snapshots of the model are bounded, slow
// clients are cut off, and nothing is written to a client while a lock is held.
package server
