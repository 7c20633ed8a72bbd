# nsviz. `make` builds it, `make help` says what else there is.

SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := build

GO      ?= go
PREFIX  ?= /usr/local
DESTDIR ?=
ARGS    ?=
# A release is a tag such as v1.2.3. Without git, in an unpacked archive for example, give it by hand: make VERSION=1.2.3.
VERSION  ?= $(shell git describe --tags --match 'v[0-9]*' --always --dirty 2>/dev/null)
REVISION ?= $(shell git rev-parse HEAD 2>/dev/null)

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
CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w -X main.version=$(VERSION) -X main.revision=$(REVISION)' -o bin/nsviz ./cmd/nsviz
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

# The same commit gives the same bytes: all files have its time.
SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 0)
DIST     ?= $(CURDIR)/dist
PACKAGES  = $(GO) run -C deploy/packages . -source '$(CURDIR)' -out '$(DIST)' -version '$(VERSION)' -revision '$(REVISION)' -epoch '$(SOURCE_DATE_EPOCH)'

.PHONY: packages
packages: enough-go ## Make deb and rpm packages for amd64 and arm64 in dist/
	$(PACKAGES) packages

.PHONY: images
images: enough-go ## Make container images in dist/, without a registry or an engine
	$(PACKAGES) images

.PHONY: release
release: enough-go ## Make all that is released in dist/: packages, images, binaries, lists of their parts (SBOM), checksums
	rm -rf '$(DIST)'
	$(PACKAGES) release

.PHONY: generate
generate: enough-go ## Compile bpf/ into gen/ (needs clang-19, llvm-19, libbpf-dev)
	@for tool in clang-19 llvm-strip-19; do \
		command -v $$tool >/dev/null || { echo "$$tool is missing: 'test/setup check' installs it, on Debian and Ubuntu" >&2; exit 1; }; \
	done
	$(GO) generate ./gen

.PHONY: pictures
pictures: enough-go ## Draw the pictures of the README anew
	$(GO) test ./internal/ui -run GoldenPictures -update
	$(GO) test ./internal/webui -run Golden -update

.PHONY: manifests
manifests: enough-go ## Make the kustomize base of deploy/kubernetes from its Helm chart
	$(GO) run -C deploy/kubernetes .

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
HOST_TEST  = $(GO_TEST) -count=1 -p 1 -timeout 30m $(if $(SUDO),-exec 'sudo -E env "PATH=$(PATH)"')
# The modules below this one: what nsviz itself does not depend on. None of them has goroutines for the race detector to look at.
MODULES := $(patsubst %/go.mod,%,$(wildcard */go.mod */*/go.mod))
# TESTFLAGS='-run Name' and the like choose among the tests.
TESTFLAGS ?=

# In CI they have the CPU time that the tests of the host leave: what takes a minute alone may take many there.
.PHONY: test-unit
test-unit: enough-go ## Run the tests that need nothing but Go
	{ $(GO_TEST) $(if $(IN_CI),-count=1) -timeout 30m $(TESTFLAGS) ./... && rc=0 || rc=1; \
	for module in $(MODULES); do $(GO) test -C $$module -json -timeout 30m $(if $(IN_CI),-vet=off -count=1) $(TESTFLAGS) ./... || rc=1; done; exit $$rc; } | $(TALLY)

.PHONY: test-root
test-root: enough-go ## Run the tests that need root
	test/with-engine $(HOST_TEST) -tags root $$(test/tagged root) $(TESTFLAGS) | $(TALLY) -v

# What reads the compose file in the tests, as Docker Compose does. It has the build flags of nsviz, to share what is compiled.
bin/check: $(wildcard deploy/check/*)
	CGO_ENABLED=0 $(GO) build -C deploy/check -trimpath -ldflags '-s -w' -o ../../bin/check .

# The OpenTelemetry collector's receiver, for the tests of --export. It has the build flags of nsviz, to share what is compiled.
bin/collector: $(wildcard test/collector/*)
	CGO_ENABLED=0 $(GO) build -C test/collector -trimpath -ldflags '-s -w' -o ../../bin/collector .

.PHONY: test-image
test-image: enough-go
	rm -rf bin/images
	$(PACKAGES) -out '$(CURDIR)/bin/images' -arch "$$($(GO) env GOHOSTARCH)" images

.PHONY: test-e2e
test-e2e: build test-image bin/check bin/collector ## Run the tests of the whole program on a Docker engine
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
	rm -rf bin dist
