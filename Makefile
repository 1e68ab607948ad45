# Everything a newcomer needs: `make demo` and `make test`. The rest is for daily work.

GO      ?= go
# The underscore keeps the file out of ./...
OVERLAY := $(CURDIR)/build/_tls/overlay.json
VERSION := $(shell git describe --always --dirty 2>/dev/null || echo unknown)

# The overlay lets crypto/tls serve the hello of 2015 chips, see tools/tlsoverlay.
# It must be set for build, vet and test alike, or Go would compile everything twice.
export GOFLAGS += -overlay=$(OVERLAY)
export CGO_ENABLED ?= 0

.PHONY: build module module-test demo test check race fuzz generate clean

build: bin/thingward

bin/thingward: $(OVERLAY) FORCE
	$(GO) build -trimpath -ldflags '-s -w' -o $@ ./cmd/thingward

# The PKCS #11 library that host programs load. It finds bin/thingward by its side.
MODULE   := pkcs11/module
CFLAGS   ?= -O2 -g
MODFLAGS := -std=c11 -Wall -Wextra -Werror -fPIC -pthread
MODLINK  := -shared -Wl,--version-script=$(MODULE)/module.map -Wl,-Bsymbolic -Wl,-z,defs,-z,relro,-z,now
SANITIZE := -fsanitize=address,undefined -fno-omit-frame-pointer

module: bin/libthingward-pkcs11.so bin/thingward-token-selftest

bin/libthingward-pkcs11.so: $(wildcard $(MODULE)/*.[ch]) $(MODULE)/module.map
	@mkdir -p bin
	$(CC) $(MODFLAGS) $(CFLAGS) $(MODLINK) -o $@ $(MODULE)/*.c

bin/thingward-token-selftest: $(MODULE)/selftest/selftest.c $(MODULE)/cryptoki.h
	@mkdir -p bin
	$(CC) $(MODFLAGS) $(CFLAGS) -I$(MODULE) -o $@ $<

# What the tests of the library run: into OUT, with and without sanitizers.
OUT      := build/module
TESTC    := $(CC) -std=c11 -Wall -Wextra -Werror -O1 -g -pthread
MODSRC   := $(wildcard $(MODULE)/*.[ch]) $(MODULE)/module.map
LIFESRC  := $(wildcard $(MODULE)/lifecycle/*.[ch])
module-test: $(addprefix $(OUT)/,thingward libthingward-pkcs11.so libthingward-pkcs11-asan.so libthingward-pkcs11-musl.so \
	thingward-token-selftest lifecycle lifecycle-asan lifecycle-musl wrong wrong-asan fuzz-asan garbage)

$(OUT)/thingward: $(OVERLAY) FORCE | $(OUT)
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -o $@ ./cmd/thingward
$(OUT)/libthingward-pkcs11.so: $(MODSRC) | $(OUT)
	$(CC) $(MODFLAGS) $(CFLAGS) $(MODLINK) -o $@ $(MODULE)/*.c
$(OUT)/libthingward-pkcs11-asan.so: $(MODSRC) | $(OUT)
	$(CC) $(MODFLAGS) $(CFLAGS) $(SANITIZE) $(filter-out -Wl$(COMMA)-z$(COMMA)defs%,$(MODLINK)) -o $@ $(MODULE)/*.c
$(OUT)/libthingward-pkcs11-musl.so: $(MODSRC) | $(OUT)
	musl-gcc $(MODFLAGS) $(CFLAGS) $(MODLINK) -o $@ $(MODULE)/*.c
$(OUT)/thingward-token-selftest: $(MODULE)/selftest/selftest.c $(MODULE)/cryptoki.h | $(OUT)
	$(CC) $(MODFLAGS) $(CFLAGS) -o $@ $<
$(OUT)/lifecycle: $(LIFESRC) | $(OUT)
	$(TESTC) -o $@ $(MODULE)/lifecycle/*.c
$(OUT)/lifecycle-musl: $(LIFESRC) | $(OUT)
	musl-gcc -std=c11 -Wall -Wextra -Werror -O1 -g -pthread -o $@ $(MODULE)/lifecycle/*.c
$(OUT)/lifecycle-asan: $(LIFESRC) | $(OUT)
	$(TESTC) $(SANITIZE) -o $@ $(MODULE)/lifecycle/*.c
$(OUT)/%-asan: $(MODULE)/hostile/%.c $(MODULE)/cryptoki.h | $(OUT)
	$(TESTC) $(SANITIZE) -o $@ $<
$(OUT)/%: $(MODULE)/hostile/%.c $(MODULE)/cryptoki.h | $(OUT)
	$(TESTC) -o $@ $<
$(OUT):
	@mkdir -p $@
COMMA := ,

$(OVERLAY): FORCE
	@GOFLAGS= $(GO) run ./tools/tlsoverlay -o build/_tls

# The whole chain, live: chip, factory, registration, first message. ARGS=--exit ends after it.
demo: bin/thingward
	@bin/thingward demo $(ARGS)

# What continuous integration runs.
test: build
	tools/test-deps
	$(MAKE) module
	$(MAKE) check
	CGO_ENABLED=1 $(GO) test -race -timeout 15m ./...

check: $(OVERLAY)
	@test -z "$$(gofmt -l .)" || { echo 'not gofmt-ed:'; gofmt -l .; exit 1; }
	$(GO) vet ./...
	$(GO) tool -modfile=tools/staticcheck.mod staticcheck ./...

# Every fuzz target for a while: make fuzz FUZZTIME=10m
FUZZTIME ?= 20s
fuzz: $(OVERLAY)
	@for p in $$($(GO) list ./...); do for f in $$($(GO) test -list '^Fuzz' $$p | grep ^Fuzz); do \
		echo "== $$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) $$p || exit 1; done; done

# Writes the tables of the AWS API again, and docs/compatibility.md: make generate MODEL=../shared/aws-model
MODEL ?= ../shared/aws-model
generate: $(OVERLAY)
	$(GO) run ./internal/api/gen -model $(MODEL)
	$(GO) test ./internal/api -run CompatibilityPage -count 1 -rewrite

clean:
	rm -rf bin build

FORCE:
