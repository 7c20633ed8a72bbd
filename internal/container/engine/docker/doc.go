// Package docker follows a Docker engine, or podman, which speaks its API in a dialect of its own: it reports the names and images of containers, what
// the engine does with them and what it says of their ends, and answers what a container was made with.
//
// The engine may be absent, slow, hung or restarted: the follower never gives up on it and never
// makes its caller wait. It holds only the questions that are still open; what it learns
// goes to an engine.Sink at once.
//
// One connection to the engine is a session: subscribe to the events, then list all containers,
// then follow the events, answer questions and ping. Any failure ends the session, and the
// next one starts from the list again, so there is nothing to repair in between.
//
// A Runner is independent of that: it runs the containers of the demos.
//
// No other package imports the Docker client.
package docker
