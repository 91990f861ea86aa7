# Understudy. `make` says what there is.
.DEFAULT_GOAL := help
.PHONY: help set-up build test test-postgres-versions lint fmt cross demo example-miniflux example-miniflux-migration bench-twin bench-migration bench-parity bench-rollback bench-router bench-flags

MAIN := ./cmd/understudy
BUILD := CGO_ENABLED=0 go build -trimpath

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build bin/understudy
	$(BUILD) -o bin/understudy $(MAIN)

set-up: # install what this machine lacks to run a shop: PostgreSQL's programs
	@tools/set-up

test: ## set up what the tests need, then run all of them
	@tools/set-up tests
	go vet ./...
	GORACE=atexit_sleep_ms=0 go test -race -vet=off -shuffle=on -p 3 -timeout 40m ./...

test-postgres-versions: ## watch migrations and make roles on PostgreSQL 13, 14, 16, 17 and 18, which are installed into a cache by npm
	tools/postgres-versions

lint: ## look at the code as .golangci.yml says
	@command -v golangci-lint >/dev/null || { echo 'golangci-lint is not installed: see https://golangci-lint.run' >&2; exit 1; }
	golangci-lint run ./...

fmt: ## format the code
	go fmt ./...

cross: ## build for every system that is supported, into bin/
	@set -e; for target in linux/amd64 linux/arm64 darwin/amd64 darwin/arm64; do \
	  out=bin/understudy-$${target%/*}-$${target#*/}; \
	  echo $$out; GOOS=$${target%/*} GOARCH=$${target#*/} $(BUILD) -o $$out $(MAIN); \
	done

demo: set-up build ## rehearse and promote a shop's releases; KEEP=1 leaves it running
	KEEP=$(KEEP) examples/shop/demo.sh

example-miniflux: set-up build ## rehearse Miniflux 2.3.4 against 2.2.6, releases nobody here wrote
	KEEP=$(KEEP) examples/miniflux/run.sh

example-miniflux-migration: set-up build ## rehearse Miniflux's own migration alone, on 250,000 articles
	KEEP=$(KEEP) examples/miniflux/migration.sh

bench-twin: build ## measure copies, resets, the live twin, masks and the leak check (BENCH="-customers 250000" for less)
	@tools/set-up tests
	go run ./bench/classification/report
	go run ./bench/twin $(BENCH)

SQUAWK := build/squawk/node_modules/.bin/squawk

$(SQUAWK): # the linter that bench-migration measures beside, by package name
	npm install --silent --no-audit --no-fund --prefix build/squawk squawk-cli@2.66.0

bench-migration: ## measure what is seen of a migration, what watching costs, and hazards found beside a linter
	@tools/set-up tests
	@$(MAKE) --no-print-directory $(SQUAWK) || echo 'the linter cannot be had here; it is left out' >&2
	go run ./bench/migration -squawk "$$(test -x $(SQUAWK) && echo $(SQUAWK))" $(BENCH)

bench-parity: ## measure passes over a thousand tables, and the planted differences that are found, beside dumps and diff
	@tools/set-up tests
	go run ./bench/parity $(BENCH)

bench-router: build ## measure what the router costs beside other proxies, and that switches lose nothing (BENCH="-rounds 3" for less)
	@tools/bench-router
	go run ./bench/router $(BENCH)

build/flag-oracles/node_modules: # flagd's evaluator, which bench-flags measures beside, as locked for the tests
	mkdir -p build/flag-oracles
	cp internal/featureflag/testdata/oracles/package*.json build/flag-oracles/
	npm ci --silent --ignore-scripts --no-audit --no-fund --prefix build/flag-oracles

bench-flags: ## measure reads of flags over OFREP, evaluation beside flagd's, and the size of combinations (BENCH="-rounds 3" for less)
	@$(MAKE) --no-print-directory build/flag-oracles/node_modules || echo 'the evaluator cannot be had here; it is left out' >&2
	go run ./bench/flags $(BENCH)

bench-rollback: build ## measure the way back through the daemon, from asking to the first answer (BENCH="-rollbacks 10" for less)
	go run ./bench/rollback $(BENCH)
