// Package e2e tests the whole program on a real Docker engine, against oracles that are not nsviz:
// the kernel log, the cgroup's own counters, lsns, docker inspect, Prometheus. It needs root, an
// engine that answers (DOCKER_HOST) and bin/nsviz: `make test-e2e` sees to all three.
package e2e
