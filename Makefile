# make            build ipam.so and ipam--VERSION.sql
# make install    put them into the server that PG_CONFIG names
# make stage      put them into build/stage instead: the tests run from there
# make test       unit + regress + isolation + tap
# make unit       GoogleTest of src/core, with ASan and UBSan
# make fuzz       libFuzzer on src/core, FUZZ_SECONDS for each target
# make soak-fuzz  the same for an hour each, two at a time
# make regress    SQL tests: test/sql against expected          (one: REGRESS=block)
# make isolation  sessions that race: test/specs                (one: ISOLATION=allocate)
# make tap        processes, dump, upgrade: test/t              (one: PROVE_TESTS=test/t/030_load.pl)
# make soak       the tap tests that depend on size: 1,000,000 rows converted, 120 s of each load, 10,000 random operations   (one: SOAK=test/t/062_crash.pl)
# make ubsan      regress again, with UBSan and assertions in ipam.so
# make valgrind   regress again, with the server under valgrind: takes an hour
# make asan-server  regress and isolation again, with a server that has assertions, ASan and UBSan: builds one first
# make compilers  unit and regress with g++ and clang++, each with -O0 and with -O3 -flto
# make matrix     unit, regress, isolation, tap, ubsan with every PostgreSQL that Debian has  (one: MATRIX=18)
# make lint       clang-format, clang-tidy, cppcheck, shellcheck, strings in SQL, names of types, exported symbols
# make bench      measure and compare; tables and charts in build/bench   (one: PART=writing; real sizes: SCALE=full)
# make large      20 million addresses in one store: load, search, VACUUM, REINDEX, CLUSTER; 40 GB below /tmp
# make clean      remove everything that was built
# WERROR=1 turns warnings into errors. -k goes on after a failure.

ifneq ($(words $(CURDIR)),1)
$(error make cannot work in a folder with spaces in its path: $(CURDIR))
endif

EXTENSION   = ipam
EXTVERSION := $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" $(EXTENSION).control)
MODULE_big  = $(EXTENSION)
SOURCES    := $(sort $(wildcard src/*/*.cpp))
OBJS        = $(SOURCES:src/%.cpp=build/obj/%.o)

CREATION   := $(EXTENSION)--$(EXTVERSION).sql
UPGRADES   := $(notdir $(wildcard sql/upgrade/*.sql))
DATA_built  = $(CREATION) $(UPGRADES)
DATA        = $(filter-out $(addprefix %/,$(DATA_built)),$(wildcard sql/released/*.sql))
EXTRA_CLEAN = build

PG_CONFIG   ?= pg_config
CXX_STD      = -std=gnu++20
WARNINGS     = -Wall -Wextra -Wshadow -Wconversion $(if $(WERROR),-Werror)
# -isystem: the server's headers do not pass our warnings.
# PGDLLEXPORT: PostgreSQL 15 leaves it empty, 16 and later define it like this.
PG_CPPFLAGS  = -Isrc -isystem $(shell $(PG_CONFIG) --includedir-server)
PG_CPPFLAGS += '-DPGDLLEXPORT=__attribute__((visibility("default")))'
PG_CXXFLAGS  = $(CXX_STD) $(WARNINGS) -fvisibility=hidden -MMD -MP $(OPTIMIZE)
SHLIB_LINK   = -lstdc++ $(if $(filter -flto,$(OPTIMIZE)),-flto $(if $(WERROR),-Werror=odr))

REGRESS        = $(patsubst test/sql/%.sql,%,$(sort $(wildcard test/sql/*.sql)))
REGRESS_OPTS   = --inputdir=test --bindir=$(bindir) $(LOAD)
ISOLATION      = $(patsubst test/specs/%.spec,%,$(sort $(wildcard test/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test --bindir=$(bindir) $(LOAD)
LOAD           = --load-extension=btree_gist --load-extension=$(EXTENSION)

# Bitcode for the JIT needs a clang that fits the server's, and none of our functions gets inlined.
override with_llvm = no
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

.DELETE_ON_ERROR:
$(CREATION): $(sort $(wildcard sql/install/*.sql)) $(EXTENSION).control
	cat $(filter %.sql,$^) > $@
$(UPGRADES): %: sql/upgrade/% sql/upgrade/assemble.awk $(wildcard sql/install/*.sql)
	awk -f sql/upgrade/assemble.awk $< > $@

$(OBJS): build/obj/%.o: src/%.cpp build/flags
	@mkdir -p $(@D)
	$(COMPILE.cc) -o $@ $<

# Changes when the compiler or its flags do, and with it every object.
build/flags: FORCE
	@mkdir -p build
	@echo $(call quote,$(CXX) $(CXXFLAGS) $(CPPFLAGS)) | cmp -s - $@ || \
	 echo $(call quote,$(CXX) $(CXXFLAGS) $(CPPFLAGS)) > $@
quote = '$(subst ','\'',$(1))'

-include $(wildcard build/obj/*/*.d build/ubsan/*/*.d build/unit/*.d build/unit/core/*.d)

.PHONY: FORCE stage test unit fuzz regress isolation tap soak soak-fuzz ubsan lint bench large
test: unit regress isolation tap

# Runs $(2) and reports it as one line, the way TAP does: ok - $(1).
report = @if out=$$({ $(2); } 2>&1); then echo "ok - $(1)"; \
         else echo "$$out"; echo "not ok - $(1)"; false; fi
nothing = @echo "no $@ tests yet"

# --- without a server -------------------------------------------------------------------------

CORE      = $(wildcard src/core/*.cpp)
SANITIZE  = -fsanitize=undefined -fno-sanitize-recover=all -D_GLIBCXX_ASSERTIONS -g -O1
UNIT      = $(wildcard test/unit/*.cpp)
UNIT_OBJS = $(UNIT:test/unit/%.cpp=build/unit/%.o) $(CORE:src/core/%.cpp=build/unit/core/%.o)
UNIT_CXX  = $(CXX) $(CXX_STD) $(WARNINGS) $(SANITIZE) -fsanitize=address $(OPTIMIZE) -Isrc

unit: $(if $(UNIT),build/unit/tests)
	$(if $(UNIT),build/unit/tests,$(nothing))
build/unit/tests: $(UNIT_OBJS)
	$(UNIT_CXX) -o $@ $^ -lgtest -lgtest_main
build/unit/%.o: test/unit/%.cpp
	@mkdir -p $(@D)
	$(UNIT_CXX) -MMD -MP -c -o $@ $<
build/unit/core/%.o: src/core/%.cpp
	@mkdir -p $(@D)
	$(UNIT_CXX) -MMD -MP -c -o $@ $<

FUZZ_SECONDS ?= 60
FUZZERS       = $(patsubst test/fuzz/%.cpp,build/fuzz/%,$(sort $(wildcard test/fuzz/*.cpp)))

fuzz: $(FUZZERS:=.run)
	$(if $(FUZZERS),,$(nothing))
$(FUZZERS:=.run): %.run: %
	@mkdir -p $*.corpus
	$(call report,$(*F) for $(FUZZ_SECONDS) s,$* $*.corpus test/fuzz/corpus/$(*F) -max_total_time=$(FUZZ_SECONDS) \
	    -artifact_prefix=$*. -print_final_stats=1 >$*.log 2>&1 || { tail -50 $*.log; false; })
$(FUZZERS): build/fuzz/%: test/fuzz/%.cpp $(CORE) $(wildcard src/core/*.hpp test/fuzz/*.hpp test/unit/*.hpp)
	@mkdir -p $(@D)
	clang++ $(CXX_STD) $(SANITIZE) -fsanitize=fuzzer,address -Isrc -o $@ $< $(CORE)

# --- with a throw-away server -----------------------------------------------------------------

SCRATCH      = PG_CONFIG=$(PG_CONFIG) SERVER_LOG=build/$@.log test/scratch
PG_REGRESS   = $(TESTERS)/regress/pg_regress $(REGRESS_OPTS) $(REGRESS)
PG_ISOLATION = $(TESTERS)/isolation/pg_isolation_regress $(ISOLATION_OPTS) $(ISOLATION)
TESTERS      = $(top_builddir)/src/test
PROVE_TESTS  = $(sort $(wildcard test/t/*.pl))

stage: all
	@rm -rf build/stage
	@$(MAKE) -s --no-print-directory install DESTDIR=$(CURDIR)/build/stage >/dev/null

# Tests of the build staged in $(1) with the tester $(2), results in $(3); shows the differences.
sql_tests = rm -rf $(3); $(SCRATCH) server $(1) $(2) --outputdir=$(3) || \
            { cat $(3)/regression.diffs; false; }

regress: stage
	$(if $(REGRESS),$(call sql_tests,build/stage,$(PG_REGRESS),build/$@),$(nothing))

isolation: stage
	$(if $(ISOLATION),$(call sql_tests,build/stage,$(PG_ISOLATION),build/$@),$(nothing))

# Real data for test/t/040_netbox.pl, which is skipped where there is none.
export IPAM_TEST_DATA ?= $(abspath ../shared/data)

tap: stage
	$(if $(PROVE_TESTS),PG_REGRESS=$(TESTERS)/regress/pg_regress $(SCRATCH) copy build/stage \
	    prove --verbose -I $(TESTERS)/perl -I test/perl $(PROVE_TESTS),$(nothing))

# Other operations each time: the output tells the seed that repeats them.
SOAK = $(addprefix test/t/,030_load.pl 035_search_under_load.pl 036_occupancy.pl 037_rewrite.pl 038_memory.pl 052_promotion.pl \
    062_crash.pl 070_conversion.pl 075_upgrade.pl 080_model.pl 090_allocation.pl 095_hostile.pl 096_sqlsmith.pl)
soak:
	IPAM_CONVERSION_ROWS=1000000 IPAM_LOAD_SECONDS=120 IPAM_MODEL_OPERATIONS=10000 IPAM_MODEL_SEED=$${IPAM_MODEL_SEED:-$$(date +%s)} \
	IPAM_HOSTILE_CALLS=300 IPAM_HOSTILE_SEED=$${IPAM_HOSTILE_SEED:-$$(date +%s)} IPAM_SQLSMITH_SECONDS=600 \
	IPAM_CRASH_ROUNDS=50 IPAM_CRASH_SEED=$${IPAM_CRASH_SEED:-$$(date +%s)} IPAM_REWRITE_ROUNDS=20 IPAM_MEMORY_CALLS=100000 \
	    $(MAKE) --no-print-directory tap PROVE_TESTS='$(SOAK)'

soak-fuzz:
	$(MAKE) --no-print-directory -j2 fuzz FUZZ_SECONDS=$${IPAM_FUZZ_SECONDS:-3600}

bench: stage build/bench/floor.so
	$(SCRATCH) server build/stage test/bench/run.sh
# What the measurements are compared with, no part of the extension.
build/bench/floor.so: test/bench/floor.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -fPIC -shared -isystem $(shell $(PG_CONFIG) --includedir-server) -o $@ $<

large:
	$(MAKE) --no-print-directory bench PART=large SCALE=full

# A second ipam.so; the server itself stays as it is and its log gets the reports.
UBSAN = -fsanitize=undefined -fno-sanitize=vptr -D_GLIBCXX_ASSERTIONS -DUSE_ASSERT_CHECKING
ubsan: stage build/ubsan/$(EXTENSION).so
	@rm -rf build/ubsan/stage && cp -R build/stage build/ubsan/stage
	@cp build/ubsan/$(EXTENSION).so build/ubsan/stage$(pkglibdir)/
	$(if $(REGRESS),$(ubsan_tests),$(nothing))
define ubsan_tests
	status=0; { $(call sql_tests,build/ubsan/stage,$(PG_REGRESS),build/ubsan/regress); } || status=1; \
	if grep -E -A 5 'runtime error|TRAP:' build/$@.log; then status=1; echo "not ok - server log"; \
	else echo "ok - server log"; fi; exit $$status
endef
build/ubsan/$(EXTENSION).so: $(SOURCES:src/%.cpp=build/ubsan/%.o)
	$(CXX) -shared -o $@ $^ -lubsan
build/ubsan/%.o: src/%.cpp build/flags
	@mkdir -p $(@D)
	$(COMPILE.cc) $(UBSAN) -o $@ $<

.PHONY: valgrind asan-server compilers matrix
# Whatever the server itself does wrong stands in the suppressions.
valgrind: stage
	export VALGRIND=test/valgrind.supp; status=0; { $(call sql_tests,build/stage,$(PG_REGRESS),build/$@); } || status=1; \
	if grep -E -A 20 '^==[0-9]+== ' build/$@.log; then status=1; echo "not ok - server log"; \
	else echo "ok - server log"; fi; exit $$status

asan-server:
	PG_CONFIG=$(PG_CONFIG) test/asan_server
	@rm -f build/regress.log build/isolation.log
	status=0; export ASAN_OPTIONS=detect_leaks=0; \
	$(MAKE) -k PG_CONFIG=$(CURDIR)/build/asan/bin/pg_config regress isolation || status=1; \
	cat build/regress.log build/isolation.log >build/$@.log || status=1; \
	if grep -E -A 30 'ERROR: AddressSanitizer|runtime error|TRAP:|WARNING:.*leak' build/$@.log; \
	then status=1; echo "not ok - server log"; else echo "ok - server log"; fi; exit $$status

compilers:
	@PG_CONFIG=$(PG_CONFIG) test/compilers

# Each version builds for itself, in a Debian that has it.
matrix:
	@PG_CONFIG=$(PG_CONFIG) test/matrix $(MATRIX)

# --- lint -------------------------------------------------------------------------------------

CXX_FILES = $(wildcard src/*/*.[ch]pp test/*/*.[ch]pp)
ALLOWED   = Pg_magic_func|_PG_init|(pg_finfo_)?ipam_.*

.PHONY: lint-format lint-tidy lint-cppcheck lint-shell lint-strings lint-types lint-exports
lint: lint-format lint-tidy lint-cppcheck lint-shell lint-strings lint-types lint-exports
lint-format:
	$(call report,clang-format,clang-format --dry-run -Werror $(CXX_FILES) </dev/null)
lint-tidy:
	$(call report,clang-tidy,printf '%s\n' $(SOURCES) | \
	    xargs -P 2 -I{} clang-tidy --quiet {} -- $(CXX_STD) $(CPPFLAGS))
# rethrowNoCurrentException: the border rethrows in a function that only catch blocks call.
lint-cppcheck:
	$(call report,cppcheck,cppcheck --quiet --error-exitcode=1 --std=c++20 --language=c++ \
	    --inline-suppr --suppress=rethrowNoCurrentException --enable=warning$(comma)performance$(comma)portability -Isrc src)
lint-shell:
	$(call report,shellcheck,shellcheck run .ci/run test/scratch test/matrix test/compilers test/asan_server $(wildcard test/bench/*.sh))
# What a backslash means in a plain string depends on standard_conforming_strings: E'' has it always.
lint-strings:
	$(call report,no backslashes in plain strings,! grep -n '\\' $(wildcard sql/install/*.sql sql/upgrade/*.sql) | \
	    sed -E "/:[0-9]+:[\\]/d; s/E'([^'\\]|\\\\.|'')*'//g" | grep '\\')
# Two types of one name in two headers: the linker takes the functions of either for both, and no compiler tells.
lint-types:
	$(call report,types are defined once,! sed -nE 's/^(template <.*> )?(struct|class|enum class) ([A-Za-z]+).*[{].*/\3/p' \
	    $(wildcard src/*/*.hpp) | sort | uniq -d | grep .)
lint-exports: all
	$(call report,exported symbols,nm -DC --defined-only $(EXTENSION).so | awk ' \
	    $$2 ~ /[WVu]/ && /std::|__gnu_cxx::/ || $$3 ~ /^($(ALLOWED))$$/ { next } { print; bad = 1 } END { exit bad }')
comma = ,
