# A thin front over the CMake presets (CMakePresets.json) and the scripts in tools/. `make help` lists what there is.
# Everything lands below build/; what comes from elsewhere in .venv and third_party.

JOBS ?= $(shell nproc)
PREFIX ?= /usr/local
MINUTES ?= 10
MUTATIONS ?= 20000
FILES ?= 200
MAKEFLAGS += --no-print-directory

# Labels of the ordinary suite; `heavy` (judges that need Java or servers) is for make interop alone.
SUITE = ^(quick|fault|crash|sim|fuzz|interop|cli)$$

.PHONY: help release dev test clang tsan fuzz laws laws-tables mutations valgrind roundtrips sim soak failing cover tidy format ci demo bench bench-flights bench-codec interop install clean \
        packages-build packages-test

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1~\2/p' $(MAKEFILE_LIST) | awk -F'~' '{printf "%-20s %s\n", $$1, $$2}'

packages-build:
	@tools/packages.sh build

packages-test:
	@tools/packages.sh test
	@tools/venv.sh test

release: packages-build ## the program, optimised: build/release/sleeper
	@tools/build.sh release $(JOBS)

dev: packages-test ## gcc with ASan and UBSan, and the quick tests
	@tools/build.sh dev $(JOBS)
	@python3 tools/run_tests.py build/dev -j $(JOBS) -L '^quick$$'

test: packages-test ## everything: build, every test of the ordinary suite, one line that counts them
	@tools/build.sh dev $(JOBS)
	@python3 tools/run_tests.py build/dev -j $(JOBS) -L '$(SUITE)'

clang: packages-test ## clang's warnings, and the quick tests
	@tools/build.sh clang $(JOBS)
	@python3 tools/run_tests.py build/clang -j $(JOBS) -L '^quick$$'

tsan: packages-test ## gcc with TSan: the quick tests, the simulator and the crash tests
	@tools/build.sh tsan $(JOBS)
	@python3 tools/run_tests.py build/tsan -j $(JOBS) -L '^(quick|sim|crash)$$'

fuzz: ## [T=name] [MINUTES=10]: libFuzzer on one target or each in turn, by processor time; finds join the corpus by hand
	@tools/packages.sh fuzz
	@tools/fuzz.sh "$(or $(T),all)" "$(MINUTES)" "$(JOBS)"

mutations: packages-test ## [MUTATIONS=20000] [SEED=n]: damaged Parquet files are refused or read right, with ASan and UBSan
	@tools/build.sh dev $(JOBS)
	@tools/venv.sh test
	@.venv/bin/python test/fuzz/seeds.py --files build/mutations
	@MUTATIONS=$(MUTATIONS) MUTATION_FILES=build/mutations build/dev/test/prop.parquet_mutations_test

valgrind: packages-test ## the Parquet codec's tests, corpora and others' files under valgrind: nothing read before it is written
	@tools/valgrind.sh "$(JOBS)"

laws: packages-test ## [LEAVES=100000] [SEED=n]: random histories of tables against a plain model: answers never depend on compaction
	@tools/build.sh dev $(JOBS)
	@STACK_LEAVES=$(or $(LEAVES),100000) nice -n 19 build/dev/test/prop.stack_model_test

laws-tables: packages-test ## [TABLES=2000] [SEED=n]: random histories of whole tables, in a store, against a plain model
	@tools/build.sh dev $(JOBS)
	@TABLES=$(or $(TABLES),2000) nice -n 19 build/dev/test/prop.tables_model_test

roundtrips: packages-test ## [FILES=200] [SEED=n]: random columns from us to every judge and back, chdb and parquet-java too
	@tools/judges.sh
	@tools/build.sh dev $(JOBS)
	@PARQUET_FILES=$(FILES) SLEEPER_PYTHON=.venv/bin/python build/dev/test/interop.parquet_random_test
	@FILES=$(FILES) .venv/bin/python test/interop/parquet_random_theirs_test.py
	@FILES=$(FILES) .venv/bin/python test/interop/parquet_random_heavy_test.py

sim: packages-test ## [SEEDS=200000] [SEED=n]: the simulator's campaign, optimised, one process; then its teeth
	@cmake -S . -B build/sim -G Ninja -DCMAKE_BUILD_TYPE=Release >/dev/null
	@cmake --build build/sim -j $(JOBS) --target sim.world_test sim.teeth_test
	@SEED=$(or $(SEED),1) SIM_COUNT=$(or $(SEEDS),200000) nice -n 19 build/sim/test/sim.world_test
	@build/sim/test/sim.teeth_test

soak: release ## [COMMITS=10000] [SEED=n]: sixteen processes commit to a folder, killed and stopped at random
	@tools/venv.sh test
	@COMMITS=$(or $(COMMITS),10000) SLEEPER=build/release/sleeper nice -n 19 .venv/bin/python test/crash/soak_test.py

failing: release ## [FAULTS=0] [SEED=n]: each call of the file system fails in turn, in each command; 0: every one
	@tools/venv.sh test
	@mkdir -p build/release/test
	@cc -shared -fPIC -O2 -D_GNU_SOURCE -o build/release/test/failfs.so test/lib/failfs.c -ldl
	@FAULTS=$(or $(FAULTS),0) SLEEPER=build/release/sleeper SLEEPER_BUILD=build/release nice -n 19 .venv/bin/python test/crash/failing_test.py

cover: packages-test ## which lines the quick tests reach: build/cover/index.html
	@tools/packages.sh cover
	@tools/build.sh cover $(JOBS)
	@-python3 tools/run_tests.py build/cover -j $(JOBS) -L '^(quick|fault|fuzz)$$'
	@gcovr --root . --filter src/ --object-directory build/cover --html-details build/cover/index.html --print-summary

tidy: packages-test ## layout, tiers, house rules, clang-tidy
	@tools/build.sh dev $(JOBS)
	@tools/tidy.sh

format: packages-test ## lay out every C file by .clang-format
	@git ls-files '*.c' '*.h' | xargs clang-format-14 -i

ci: ## what is run before a change lands
	@.ci/run

demo: release ## [FULL=1] the whole way on real flights, in a folder that stays
	@tools/demo.sh $(if $(FULL),full)

SCALE ?= 0.02

bench: release ## [SCALE=1] the bars of writing, measured against the peers in one run: printed, and written to docs/benchmarks.md
	@tools/venv.sh test
	@tools/flights.sh
	@cmake --build build/release --target bench.compact bench.floor
	@.venv/bin/python bench/table.py --scale $(SCALE)

bench-flights: release ## a lookup, an ingest and its memory on three million flights; fails when a bar is missed
	@tools/venv.sh test
	@tools/flights.sh
	@.venv/bin/python bench/bars.py

bench-codec: release ## the Parquet codec against pyarrow, DuckDB and Polars, one thread each
	@tools/venv.sh test
	@tools/flights.sh
	@cmake --build build/release --target bench.codec
	@.venv/bin/python bench/codec.py

interop: packages-test ## every reader that judges our files, the heavy ones too (chdb, parquet-java, Spark: 1.5 GB)
	@tools/judges.sh
	@tools/build.sh dev $(JOBS)
	@python3 tools/run_tests.py build/dev -j $(JOBS) -L '^(interop|heavy)$$'

install: packages-build ## [PREFIX=/usr/local] [DESTDIR=]: program, library, headers, manual page, pkg-config
	@tools/build.sh release $(JOBS)
	@cmake --install build/release --prefix $(PREFIX)

clean: ## remove what was built; .venv and third_party stay
	rm -rf build
