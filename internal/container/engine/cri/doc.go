// Package cri follows an engine that serves Kubernetes' CRI API, as containerd and CRI-O do, and asks it for the names of containers and
// for what it says of their ends.
//
// The engine may be absent, slow, hung or restarted. A connection is a session: ask for the version, list all pods and containers, then
// list them again now and then and when somebody asks, follow the events where the engine shares them, and answer questions about ends.
// Any failure ends the session, and the next one starts from the list again. Requests are made one at a time, each with a deadline.
//
// Nothing is changed by way of the API: only Version, GetContainerEvents, List… and …Status are called.
package cri
