# pyssl. `make demo` and `make test` install what is missing, build, and run.
# The targets are at .PHONY, below; these may be set:

# The VM: 5.4, 5.3, 5.1 or luajit.
LUA_VERSION ?= 5.4
LUA ?= $(if $(jit),luajit,lua$(LUA_VERSION))
CFLAGS ?= -O2 -g
PREFIX ?= /usr/local
DESTDIR ?=
PKG_CONFIG ?= pkg-config
# 0 builds without libidn2: host names are ASCII then.
IDN ?= 1
# LUA_INCDIR, OPENSSL_INCDIR, OPENSSL_LIBDIR: where pkg-config does not know.

# Not taken from the environment, only from the command line: arguments for
# busted (make test ARGS=--filter=makefile), where everything made goes (for
# each VM elsewhere), compiler flags besides CFLAGS, a program that runs the
# suite's Lua.
ARGS =
BUILD = build$(if $(filter-out 5.4,$(LUA_VERSION)),-$(LUA_VERSION))
EXTRA =
RUNNER =
SCALE = $(or $(PYSSL_SCALE),1)
BUSTED = /usr/bin/busted
unexport ARGS BUILD EXTRA RUNNER SCALE BUSTED

.PHONY: build deps demo test test-all asan tsan valgrind mutants check contract \
	rockspec env install uninstall clean native nginx-core suite \
	bench bench-check bench-programs FORCE

.DELETE_ON_ERROR:

build: $(BUILD)/pyssl/core.so

# --- where Lua and OpenSSL are ---

VMS = 5.4 5.3 luajit 5.1
jit = $(filter luajit,$(LUA_VERSION))
lua_abi = $(if $(jit),5.1,$(LUA_VERSION))

# Looked up when first used, and then once: `make deps` comes before.
lua_names = $(if $(jit),luajit,lua$(LUA_VERSION) lua-$(LUA_VERSION) lua)
lua_range = $(if $(jit),--exists,--atleast-version=$(LUA_VERSION) \
	--max-version=$(LUA_VERSION).99)
lua_package = $(eval lua_package := $(shell for name in $(lua_names); do \
	$(PKG_CONFIG) $(lua_range) $$name 2>/dev/null && \
	echo $$name && break; done))$(lua_package)
lua_cflags = $(eval lua_cflags := $(if $(LUA_INCDIR),-I$(LUA_INCDIR),$(if \
	$(lua_package),$(shell $(PKG_CONFIG) --cflags $(lua_package)),$(error \
	no headers of Lua ($(LUA_VERSION)): `make deps`, or set \
	LUA_INCDIR))))$(lua_cflags)
ssl_cflags = $(eval ssl_cflags := $(if $(OPENSSL_INCDIR),-I$(OPENSSL_INCDIR),\
	$(shell $(PKG_CONFIG) --cflags openssl 2>/dev/null)))$(ssl_cflags)
ssl_libs = $(eval ssl_libs := $(if $(OPENSSL_LIBDIR),-L$(OPENSSL_LIBDIR) \
	-Wl$(comma)-rpath$(comma)$(OPENSSL_LIBDIR),$(shell \
	$(PKG_CONFIG) --libs-only-L openssl 2>/dev/null)) -lssl -lcrypto)$(ssl_libs)
idn_cflags = $(eval idn_cflags := $(if $(filter 0,$(IDN)),,$(if $(shell \
	$(PKG_CONFIG) --exists libidn2 && echo yes),-DPYSSL_IDN $(shell \
	$(PKG_CONFIG) --cflags libidn2),$(error no headers of libidn2: \
	`make deps`, or build without it: `make IDN=0`))))$(idn_cflags)
idn_libs = $(eval idn_libs := $(if $(filter 0,$(IDN)),,$(shell \
	$(PKG_CONFIG) --libs libidn2)))$(idn_libs)
comma := ,

# --- compiling and linking ---

WARNINGS = -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes \
	-Wmissing-prototypes -Wwrite-strings -Wundef
compile = $(CC) -std=c11 -D_GNU_SOURCE $(CFLAGS) $(EXTRA) -fPIC \
	-fvisibility=hidden $(WARNINGS) $(CPPFLAGS) $(lua_cflags) $(ssl_cflags) \
	$(idn_cflags)
link = $(CC) $(CFLAGS) $(EXTRA) $(LDFLAGS)

# ELF linkers take -z. The module is never unloaded: OpenSSL points into it.
ifeq ($(shell uname -s),Darwin)
shared = -bundle -undefined dynamic_lookup
else
shared = -shared -Wl,-z,nodelete,-z,relro,-z,now
endif

sources := $(sort $(wildcard src/sys/*.c src/tls/*.c src/bind/*.c))
objects := $(sources:src/%.c=$(BUILD)/obj/%.o)
compat := $(BUILD)/obj/bind/compat.o
hosts := $(patsubst spec/support/%.c,$(BUILD)/spec/%, \
	$(wildcard spec/support/*_host.c))

$(BUILD)/pyssl/core.so: $(objects)
	@mkdir -p $(@D)
	$(link) $(shared) -o $@ $(objects) $(ssl_libs) $(idn_libs) -lpthread

$(BUILD)/obj/%.o: src/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(compile) -MMD -MP -c -o $@ $<

# nginx's Lua is LuaJIT: a core that it can load, for the suite, where there is
# such an nginx and LuaJIT's headers. Without what a sanitizer adds.
nginx_module := $(wildcard /usr/lib/nginx/modules/ngx_http_lua_module.so)
nginx_core := $(if $(jit),,$(if $(nginx_module),$(if $(shell \
	$(PKG_CONFIG) --exists luajit && echo yes),nginx-core)))

# For the suite: a Lua module, and programs that embed Lua (NAME_host.c).
native: $(BUILD)/spec/native.so $(hosts) $(BUILD)/embed $(nginx_core)

nginx-core:
	@env -u LUA $(MAKE) $(jobs) -s --no-print-directory build \
		LUA_VERSION=luajit BUILD=build-luajit LUA_INCDIR= EXTRA= CFLAGS='-O2 -g'

$(BUILD)/spec/native.so: spec/support/native.c $(compat) $(BUILD)/flags
	@mkdir -p $(@D)
	$(compile) $(shared) $(LDFLAGS) -o $@ $< $(compat)

$(BUILD)/spec/%_host: spec/support/%_host.c $(compat) $(BUILD)/flags
	@mkdir -p $(@D)
	$(compile) $(LDFLAGS) -o $@ $< $(compat) $(shell $(PKG_CONFIG) --libs \
		$(lua_package)) $(ssl_libs) -lpthread

$(BUILD)/embed: examples/embed/embed.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(compile) $(LDFLAGS) -o $@ $< $(shell $(PKG_CONFIG) --libs \
		$(lua_package)) -lpthread

# Rewritten, and so newer than every object, when a flag has changed.
$(BUILD)/flags: FORCE
	$(shell mkdir -p $(@D))$(file >$@.new,$(compile) $(link) $(shared) $(ssl_libs) \
		$(idn_libs))
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

-include $(objects:.o=.d)

# --- running ---

quote = '$(subst ','\'',$(1))'
build_path = $(if $(filter /%,$(BUILD)),$(BUILD),$(CURDIR)/$(BUILD))
lua_path = $(CURDIR)/lua/?.lua;$(CURDIR)/lua/?/init.lua;
lua_cpath = $(build_path)/?.so;
env_line = @printf '%s\n' $(call quote,export $(1)=$(call quote,$(2)))

# The versioned variables and LUA_INIT would come before ours.
with_lua = env -u LUA_INIT $(foreach v,5_2 5_3 5_4,-u LUA_PATH_$(v) \
	-u LUA_CPATH_$(v) -u LUA_INIT_$(v)) \
	LUA_PATH=$(call quote,$(lua_path)$(1);) \
	LUA_CPATH=$(call quote,$(lua_cpath)$(2);)
# Nor is the suite to see what the user's environment says about certificates.
with_suite = env -u SSL_CERT_FILE -u SSL_CERT_DIR -u SSLKEYLOGFILE \
	-u OPENSSL_CONF $(call with_lua,$(CURDIR)/spec/?.lua;,$(build_path)/spec/?.so;) \
	PYSSL_LUA=$(call quote,$(LUA)) PYSSL_SCALE=$(SCALE) \
	PYSSL_LUA_VERSION=$(LUA_VERSION) PYSSL_IDN=$(IDN) PYSSL_BUILD=$(call quote,$(build_path))
jobs = $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell nproc || echo 1))

env:
	$(call env_line,LUA_PATH,$(lua_path);)
	$(call env_line,LUA_CPATH,$(lua_cpath);)

deps:
	@tools/deps.sh base $(LUA_VERSION)

demo: deps
	@$(MAKE) $(jobs) --no-print-directory build
	@$(call with_lua) $(LUA) examples/demo.lua

test: deps
	@$(MAKE) $(jobs) --no-print-directory suite

# On every VM, one after the other.
test-all:
	@failed=; for vm in $(VMS); do \
		echo "== $$vm"; \
		env -u LUA $(MAKE) --no-print-directory test LUA_VERSION=$$vm || \
			failed="$$failed $$vm"; \
	done; [ -z "$$failed" ] || { echo "failed on:$$failed"; exit 1; }

suite: build native
	@$(with_suite) $(RUNNER) $(LUA) $(BUSTED) $(ARGS) </dev/null

# detect_leaks fails the run where anything is lost, ours or not; what is
# proven not to be ours goes into tools/lsan.supp.
sanitizers = -fsanitize=address,undefined -fno-sanitize-recover=undefined \
	-fno-omit-frame-pointer
asan_library = $(shell $(CC) -print-file-name=libasan.so)
asan_runner = env LD_PRELOAD=$(asan_library) \
	ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1:exitcode=99 \
	LSAN_OPTIONS=suppressions=$(CURDIR)/tools/lsan.supp:print_suppressions=0 \
	UBSAN_OPTIONS=print_stacktrace=1

asan: deps
	@$(MAKE) $(jobs) --no-print-directory suite BUILD=build-asan SCALE=5 \
		CFLAGS='-O1 -g' EXTRA='$(sanitizers)' RUNNER='$(asan_runner)'

# Where addresses are more random than it can bear, setarch helps. EMBED_ROUNDS
# makes it longer.
tsan_runner = $(shell setarch -R true 2>/dev/null && echo setarch -R) \
	env LD_PRELOAD=$(shell $(CC) -print-file-name=libtsan.so) \
	TSAN_OPTIONS=suppressions=$(CURDIR)/tools/tsan.supp:die_after_fork=0

tsan: deps
	@$(MAKE) $(jobs) --no-print-directory suite BUILD=build-tsan SCALE=5 \
		CFLAGS='-O1 -g' EXTRA=-fsanitize=thread RUNNER='$(tsan_runner)' \
		ARGS='$(or $(ARGS),spec/embed_spec.lua spec/fork_spec.lua \
		spec/guest_spec.lua)' EMBED_ROUNDS=$(or $(EMBED_ROUNDS),5)

# A forked child leaves by _exit with all that it has: it says nothing.
valgrind_runner = valgrind --quiet --leak-check=full --error-exitcode=98 \
	--child-silent-after-fork=yes \
	--errors-for-leak-kinds=definite --show-leak-kinds=definite \
	--num-callers=30 --suppressions=$(CURDIR)/tools/valgrind.supp

valgrind: deps
	@tools/deps.sh valgrind
	@$(MAKE) $(jobs) --no-print-directory suite SCALE=50 \
		RUNNER='$(valgrind_runner)'

# Does the suite notice when something breaks? Breaks copies of the sources in
# the places of spec/mutants/, one at a time. It takes many minutes, so not part
# of CI. ARGS, a Lua pattern, chooses by list, by file or by what breaks.
mutants: deps
	@MAKE='$(MAKE)' $(LUA) tools/mutants.lua $(if $(ARGS),$(call quote,$(ARGS)))

# --- what needs no running ---

check: deps
	@tools/deps.sh check
	@MAKE='$(MAKE)' LUA='$(LUA)' JOBS='$(jobs)' tools/check.sh

# The ids of spec/contract.txt that no spec names.
contract: deps
	@$(MAKE) $(jobs) -s --no-print-directory build native
	@$(with_suite) $(LUA) $(BUSTED) --list </dev/null >$(BUILD)/specs.txt \
		|| { cat $(BUILD)/specs.txt; exit 1; }
	@$(LUA) tools/contract.lua spec/contract.txt $(BUILD)/specs.txt

# Write the lists of files in the rockspec anew.
rockspec:
	@$(LUA) tools/rockspec.lua --write

# --- how fast it is ---

bench_programs := $(addprefix $(BUILD)/bench/,floor server idle crowd)
bench_shared := bench/c/tls.c bench/c/certinfo.c

bench-programs: $(bench_programs)

$(bench_programs): $(BUILD)/bench/%: bench/c/%.c $(bench_shared) \
		$(wildcard bench/c/*.h) $(BUILD)/flags
	@mkdir -p $(@D)
	$(compile) $(LDFLAGS) -o $@ $< $(bench_shared) $(ssl_libs)

with_bench = env -u SSL_CERT_FILE -u SSL_CERT_DIR -u SSLKEYLOGFILE \
	-u OPENSSL_CONF $(with_lua) BENCH_LUA=$(call quote,$(LUA)) \
	BENCH_PROGRAMS=$(call quote,$(build_path)/bench)

# Everybody against everybody, into bench/results.md: about eight minutes.
# QUICK=1: under two, and into $(BUILD)/bench. Installs the peers; nginx is one
# of them, and Debian starts what it installs. For Lua 5.4 alone.
bench: deps
	@tools/deps.sh valgrind bench
	@$(MAKE) $(jobs) -s --no-print-directory build bench-programs
	@$(with_bench) QUICK=$(QUICK) $(LUA) bench/run.lua

# Does pyssl keep the limits of bench/bars.txt?
bench-check: deps
	@tools/deps.sh valgrind
	@$(MAKE) $(jobs) -s --no-print-directory build bench-programs
	@$(with_bench) $(LUA) bench/check.lua

# --- installing ---

lua_files := $(patsubst lua/%,%,$(wildcard lua/*.lua lua/*/*.lua lua/*/*/*.lua))
lua_dir = $(call quote,$(DESTDIR)$(PREFIX)/share/lua/$(lua_abi))
lib_dir = $(call quote,$(DESTDIR)$(PREFIX)/lib/lua/$(lua_abi))

install: build
	@for file in $(lua_files); do \
		mkdir -p "$$(dirname $(lua_dir)/$$file)" && \
		install -m 644 lua/$$file $(lua_dir)/$$file || exit 1; \
	done
	@mkdir -p $(lib_dir)/pyssl
	install -m 755 $(BUILD)/pyssl/core.so $(lib_dir)/pyssl/core.so

uninstall:
	rm -f $(addprefix $(lua_dir)/,$(lua_files)) $(lib_dir)/pyssl/core.so
	@for dir in $(lua_dir)/pyssl/loop $(lua_dir)/pyssl $(lib_dir)/pyssl; do \
		[ ! -d "$$dir" ] || rmdir "$$dir" 2>/dev/null || true; \
	done

clean:
	rm -rf build $(addprefix build-,$(VMS) asan tsan check)
