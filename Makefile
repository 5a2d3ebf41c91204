# Building and testing jet. Go is enough for most targets; the others say what they need.

# What releases are built with: no cgo, no paths of this machine, no clock.
VERSION   ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
# The tags leave out what nobody uses: the library's own manual pages, HTTP/2.
TAGS      := urfave_cli_no_docs,nethttpomithttp2
BUILD     := CGO_ENABLED=0 go build -trimpath -buildvcs=false -tags $(TAGS) -ldflags "-s -w -buildid= -X main.version=$(VERSION)"
PLATFORMS := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64

ARCHITECTURE ?= $(shell go env GOARCH)

FUZZTIME    ?= 10s
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2

.PHONY: build demo test race fuzz lint bench docs docs-check real test-kubernetes cross repro images images-engine context release clean help

build: ## bin/jet and bin/docker-credential-jet, as releases have them (the default)
	$(BUILD) -o bin/ ./cmd/...

demo: build ## the main job from start to end, on sample credentials
	@JET=$(CURDIR)/bin/jet sh testdata/demo.sh

test: ## all tests that need no server
	CGO_ENABLED=0 go test ./...

# Tests that run their own binary as another program would wait a second for the end
# of each such process.
race: ## the same under the race detector, without the longest; needs gcc
	GORACE=atexit_sleep_ms=0 CGO_ENABLED=1 go test -race -short ./...

# The go command sometimes takes the end of the time for a failure ("context deadline
# exceeded", and no failing input): then the target runs once more.
fuzz: ## each fuzz target for FUZZTIME
	@log=$$(mktemp); trap 'rm -f "$$log"' EXIT; \
	for package in $$(go list ./...); do \
		for target in $$(go test -list '^Fuzz' $$package | grep '^Fuzz'); do \
			echo "$$package $$target"; \
			fuzz="go test -run ^$$ -fuzz ^$$target$$ -fuzztime $(FUZZTIME) -fuzzminimizetime 10x $$package"; \
			if ! $$fuzz >"$$log" 2>&1; then \
				cat "$$log"; \
				grep -q 'context deadline exceeded' "$$log" && ! grep -q 'Failing input' "$$log" || exit 1; \
				$$fuzz || exit 1; \
			fi; \
			tail -n 1 "$$log"; \
		done; \
	done

lint: ## gofmt, vet for all platforms, staticcheck; shellcheck where it is installed
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "gofmt: $$unformatted" >&2; exit 1; }
	@for platform in $(PLATFORMS); do \
		echo "vet $$platform"; \
		CGO_ENABLED=0 GOOS=$${platform%/*} GOARCH=$${platform#*/} go vet ./... || exit 1; \
	done
	GOBIN=$(CURDIR)/bin/tools go install $(STATICCHECK)
	@for os in linux darwin windows; do \
		echo "staticcheck $$os"; \
		CGO_ENABLED=0 GOOS=$$os bin/tools/staticcheck ./... || exit 1; \
	done
	for module in testdata/oracle images/build; do \
		(cd $$module && CGO_ENABLED=0 go vet ./... && $(CURDIR)/bin/tools/staticcheck ./...) || exit 1; \
	done
	@if command -v shellcheck >/dev/null; then shellcheck .ci/run .ci/release testdata/demo.sh; fi

bench: ## whole processes beside age and openssl; BENCHFLAGS=-gib for 1 GiB too
	cd testdata/oracle && go run ./bench $(BENCHFLAGS)

docs: ## docs/jet.1, from the command line's own description
	go test ./cmd/jet -run TestDocs -update

docs-check: docs ## fails if that changed it
	git diff --exit-code -- docs

real: ## published vectors, a real registry and real clients (see testdata/oracle)
	cd images/build && CGO_ENABLED=0 go test ./...
	cd testdata/oracle && CGO_ENABLED=0 go test ./...

# A Kubernetes API server takes five minutes to build, so it is kept: "make real" uses it
# where it is there.
KUBERNETES_CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/jet-test
KUBERNETES       := $(shell sed -n 's|^require k8s.io/kubernetes v||p' testdata/oracle/apiserver/go.mod)
APISERVER        := $(KUBERNETES_CACHE)/kube-apiserver-$(KUBERNETES)

test-kubernetes: $(APISERVER) ## a real Kubernetes API server, built the first time, and etcd
	cd testdata/oracle && JET_REQUIRE_REAL=1 JET_KUBE_APISERVER="$(APISERVER)" CGO_ENABLED=0 go test -count=1 -run '^TestKubernetes' .

$(APISERVER):
	mkdir -p "$(KUBERNETES_CACHE)"
	cd testdata/oracle/apiserver && CGO_ENABLED=0 nice go build -trimpath -o "$@.new" -ldflags "-s -w \
		-X k8s.io/component-base/version.gitVersion=v$(KUBERNETES) \
		-X k8s.io/component-base/version.gitMajor=$(word 1,$(subst ., ,$(KUBERNETES))) \
		-X k8s.io/component-base/version.gitMinor=$(word 2,$(subst ., ,$(KUBERNETES)))" k8s.io/kubernetes/cmd/kube-apiserver
	mv "$@.new" "$@"

cross: ## builds for all platforms, to be thrown away
	@for platform in $(PLATFORMS); do \
		echo "build $$platform"; \
		GOOS=$${platform%/*} GOARCH=$${platform#*/} $(BUILD) -o /dev/null ./cmd/... || exit 1; \
	done

repro: ## two builds, in two folders and from two caches, must be the same to the byte
	@set -e; dir=$$(mktemp -d); trap 'chmod -R u+w "$$dir"; rm -rf "$$dir"' EXIT; \
	for copy in one another/folder; do \
		mkdir -p "$$dir/$$copy"; \
		git ls-files -z --cached --others --exclude-standard | tar --null -T - -cf - | tar -xf - -C "$$dir/$$copy"; \
		(cd "$$dir/$$copy" && GOCACHE="$$dir/cache-$${copy%%/*}" $(BUILD) -o built/ ./cmd/...); \
	done; \
	for program in "$$dir"/one/built/*; do \
		cmp "$$program" "$$dir/another/folder/built/$${program##*/}"; \
		echo "two builds are identical: $${program##*/} $$(cksum < "$$program")"; \
	done

# The context of the images: the binary for each architecture, and the certificate
# authorities of a pinned module.
CONTEXT := dist/images/context
CONTAINERFILES := $(wildcard images/*/Containerfile)

context:
	@for architecture in amd64 arm64; do \
		GOOS=linux GOARCH=$$architecture $(BUILD) -o $(CONTEXT)/linux-$$architecture/jet ./cmd/jet || exit 1; \
		chmod 755 $(CONTEXT)/linux-$$architecture/jet; \
	done
	cd images/build && CGO_ENABLED=0 go run . -roots -context ../../$(CONTEXT)

images: context ## container images of the generators in dist/images, byte for byte the same each time; needs no engine
	cd images/build && CGO_ENABLED=0 go run . -context ../../$(CONTEXT) -out ../../dist/images -version $(VERSION)

images-engine: context ## the same images by a Docker engine, for its own architecture or ARCHITECTURE
	@for file in $(CONTAINERFILES); do \
		name=$$(basename $$(dirname $$file)); \
		docker build --file $$file --tag ghcr.io/dockercfg/$$name:$(subst +,-,$(VERSION)) --platform linux/$(ARCHITECTURE) \
			--build-arg TARGETARCH=$(ARCHITECTURE) --build-arg VERSION=$(VERSION) $(CONTEXT) || exit 1; \
	done

release: ## archives for all platforms and their checksums, in dist/; needs GNU tar and zip
	VERSION=$(VERSION) PLATFORMS="$(PLATFORMS)" BUILD='$(BUILD)' .ci/release

clean: ## removes what was built
	rm -rf bin dist

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1	/p' Makefile | expand -t 12
