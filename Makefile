# nsviz. `make` builds it, `make help` says what else there is.

SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := build

GO      ?= go
PREFIX  ?= /usr/local
DESTDIR ?=
ARGS    ?=
VERSION ?= $(shell git describe --always --dirty 2>/dev/null || echo unknown)

# Watching the kernel takes root. Only what needs it runs as root: Go itself never does, so that its
# caches stay the user's own.
SUDO := $(if $(filter-out 0,$(shell id -u)),sudo -E)

# The first Go on the PATH may be older than what builds nsviz: before 1.21 it neither understands go.mod nor fetches another one.
WANTED_GO := $(shell awk '$$1 == "go" { print $$2 }' go.mod)
define enough_go
said=$$($(GO) version 2>&1 || true); \
found=$$(sed -nE 's/^go version .*\bgo([0-9][0-9.]*).*/\1/p' <<<"$$said"); \
if [[ $$(printf '%s\n' '$(WANTED_GO)' "$$found" | sort -V | head -n 1) != '$(WANTED_GO)' ]]; then \
	echo "nsviz needs Go $(WANTED_GO), and '$(GO)' is $${found:-none ($${said##*: })}: install that one, or any from 1.21 on, which fetches it" \
		"by itself where GOTOOLCHAIN lets it (Debian 12 has 1.19), and put it first on the PATH, or say make GO=/path/to/bin/go" >&2; \
	exit 1; \
fi
endef

define go_build
@$(enough_go)
CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/nsviz ./cmd/nsviz
endef

.PHONY: enough-go
enough-go:
	@$(enough_go)

.PHONY: build
build: ## Build bin/nsviz, one static binary (the default)
	$(go_build)

# `sudo make install` after `make` finds nothing to build, and so needs no Go.
bin/nsviz: go.mod go.sum $(shell find cmd gen internal -type f ! -name '*_test.go' ! -path '*/testdata/*')
	$(go_build)

.PHONY: help
help: ## Say what there is to make
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: run
run: build ## Build and run the dashboard (ARGS='ps -o json' runs another command)
	$(SUDO) bin/nsviz $(ARGS)

.PHONY: demo
demo: build ## Build and watch an OOM kill happen, with or without Docker (ARGS=start: another demo)
	$(SUDO) bin/nsviz demo $(ARGS)

.PHONY: install
install: bin/nsviz ## Install the binary, man pages and completions (PREFIX, DESTDIR)
	install -D -m 755 bin/nsviz '$(DESTDIR)$(PREFIX)/bin/nsviz'
	@share='$(DESTDIR)$(PREFIX)/share'; \
	if ! bin/nsviz version >/dev/null 2>&1; then \
		echo 'bin/nsviz does not run on this host, so its man pages and completions are left out'; \
		exit 0; \
	fi; \
	install -d "$$share"/{man/man8,bash-completion/completions,zsh/site-functions,fish/vendor_completions.d}; \
	bin/nsviz man "$$share/man/man8"; \
	bin/nsviz completion bash >"$$share/bash-completion/completions/nsviz"; \
	bin/nsviz completion zsh >"$$share/zsh/site-functions/_nsviz"; \
	bin/nsviz completion fish >"$$share/fish/vendor_completions.d/nsviz.fish"

.PHONY: uninstall
uninstall: ## Remove what install installed
	rm -f '$(DESTDIR)$(PREFIX)/bin/nsviz' \
		'$(DESTDIR)$(PREFIX)'/share/man/man8/nsviz{,-*}.8 \
		'$(DESTDIR)$(PREFIX)/share/bash-completion/completions/nsviz' \
		'$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_nsviz' \
		'$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/nsviz.fish'

.PHONY: generate
generate: enough-go ## Compile bpf/ into gen/ (needs clang-19, llvm-19, libbpf-dev)
	@for tool in clang-19 llvm-strip-19; do \
		command -v $$tool >/dev/null || { echo "$$tool is missing: 'test/setup check' installs it, on Debian and Ubuntu" >&2; exit 1; }; \
	done
	$(GO) generate ./gen

.PHONY: pictures
pictures: enough-go ## Draw the pictures of the README anew
	$(GO) test ./internal/ui -run GoldenPictures -update

.PHONY: fmt
fmt: ## Format the Go and the C
	gofmt -w $$(find . -name '*.go' ! -path './gen/*')
	clang-format-19 -i bpf/*.c bpf/*.h

.PHONY: check
check: enough-go ## Check formats, lint, and that generated files are up to date
	test/setup check
	test/lint

.PHONY: test
test: enough-go ## Run all tests: installs what they need, starts an engine if none answers, cleans up
	test/setup test
	test/all

# In CI a skipped test has tested nothing, and neither has a result from the cache.
IN_CI     := $(filter true,$(CI))
TALLY      = $(GO) run ./test/tally $(if $(IN_CI),-no-skips) $(if $(COUNTS),-add '$(COUNTS)')
# A program that is built for this waits a second when it ends, as hundreds of helpers of the tests do.
export GORACE := atexit_sleep_ms=0
# CI vets everything in make check.
GO_TEST    = $(GO) test -json -race $(if $(IN_CI),-vet=off)
# Tests of the host itself: never from the cache, and one package at a time, since each would see
# what the others do.
HOST_TEST  = $(GO_TEST) -count=1 -p 1 -timeout 20m $(if $(SUDO),-exec 'sudo -E env "PATH=$(PATH)"')
# TESTFLAGS='-run Name' and the like choose among the tests.
TESTFLAGS ?=

.PHONY: test-unit
test-unit: enough-go ## Run the tests that need nothing but Go
	$(GO_TEST) $(if $(IN_CI),-count=1) $(TESTFLAGS) ./... | $(TALLY)

.PHONY: test-root
test-root: enough-go ## Run the tests that need root
	test/with-engine $(HOST_TEST) -tags root $$(test/tagged root) $(TESTFLAGS) | $(TALLY) -v

# The OpenTelemetry collector's receiver, for the tests of --export. It has the build flags of nsviz, to share what is compiled.
bin/collector: $(wildcard test/collector/*)
	cd test/collector && CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -o ../../bin/collector .

.PHONY: test-e2e
test-e2e: build bin/collector ## Run the tests of the whole program on a Docker engine
	test/with-engine $(HOST_TEST) -tags e2e $$(test/tagged e2e) $(TESTFLAGS) | $(TALLY) -v

# ONLY='5.10 sid' chooses among the machines, RUN=regexp among the tests, LOGS=folder keeps what they say.
comma := ,
space := $(subst ,, )
VM     = $(GO) run ./test/vm $(if $(ONLY),-only '$(subst $(space),$(comma),$(ONLY))') $(if $(LOGS),-logs '$(LOGS)') $(if $(RUN),-run '$(RUN)') $(if $(IN_CI),-again)

.PHONY: test-vm
test-vm: enough-go ## Run the tests that need root on other kernels, in virtual machines
	test/setup vm
	$(VM) matrix | $(TALLY)

.PHONY: test-system
test-system: enough-go ## Run end-to-end tests in full Debian systems, in virtual machines
	test/setup vm
	$(VM) system | $(TALLY)

.PHONY: test-machines
test-machines: enough-go ## Run both in virtual machines, beside each other
	test/setup vm
	$(VM) system matrix | $(TALLY)

.PHONY: prepare-machines
prepare-machines: enough-go ## Download and build what those boot, and keep it
	test/setup vm
	$(VM) -prepare system matrix

.PHONY: bench
bench: build ## Measure what nsviz costs on this host, and run the benchmarks
	test/setup bench
	$(GO) build -o bin/bench ./bench
	test/with-engine $(SUDO) bin/bench
	$(GO) test -run '^$$' -bench . -benchmem ./...

.PHONY: clean
clean: ## Remove what was built
	rm -rf bin
