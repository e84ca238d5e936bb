# Ingest: files, folders, globs, standard input; one commit or nothing, a token once, an interrupt leaves nothing.
. "$(dirname "$0")/lib.sh"

setup_table() {
    printf '{"fields":[{"name":"k","type":"int64"},{"name":"v","type":"string","nullable":true}],"rowKey":["k"]}' >schema.json
    run_ok init
    run_ok table create t --schema schema.json
}

test_folders_globs_and_files_are_one_commit() {
    setup_table
    mkdir -p in/deep
    printf 'k,v\n1,a\n' >in/a.csv
    printf 'k,v\n2,b\n' >in/b.csv
    printf '{"k":3,"v":"c"}\n' >in/deep/c.ndjson
    printf 'k,v\n4,d\n' >d.csv
    run_ok ingest t in 'd*.csv'
    expect_err "4 rows of 4 files in 1 data file, sequence 2"
    run_ok scan t --no-header
    expect_out_is '1,a
2,b
3,c
4,d'
    run_ok ingest t 'in/*.csv'
    expect_err "2 rows of 2 files"
    run_ok log t --no-header
    expect_out_lines 3
}

test_hidden_files_of_a_folder_are_passed_over() {
    setup_table
    mkdir in
    printf 'k,v\n1,a\n' >in/a.csv
    printf 'noise' >in/.hidden
    printf 'noise' >in/_SUCCESS
    run_ok ingest t in
    run_ok count t
    expect_out_is 1
}

test_standard_input_takes_every_format() {
    setup_table
    printf 'k,v\n1,a\n' >in.csv
    run_in in.csv ingest t -
    expect_rc 0
    run_in in.csv ingest t - --input-format csv
    expect_rc 0
    printf '{"k":2,"v":"b"}\n' >in.ndjson
    run_in in.ndjson ingest t - --input-format ndjson
    expect_rc 0
    printf 'k\tv\n2\tb\n' >in.tsv
    run_in in.tsv ingest t - --input-format tsv
    expect_rc 0
    run_ok count t
    expect_out_is 4
}

test_standard_input_takes_parquet_and_arrow_too() {
    setup_table
    printf 'k,v\n2,b\n1,a\n3,\n' >in.csv
    run_ok ingest t in.csv
    local format
    for format in parquet arrow; do
        run_ok scan t -o "$format" --output "rows.$format"
        run_ok table create "from_$format" --schema schema.json
        # By its first bytes and by name, from a pipe and from a file.
        last="cat rows.$format | sleeper ingest from_$format -"
        cat "rows.$format" | "$SLEEPER" ingest "from_$format" - 2>"$work/err" || fail "from a pipe"
        run_in "rows.$format" ingest "from_$format" - --input-format "$format"
        expect_rc 0
        run_ok ingest "from_$format" "rows.$format"
        run_ok scan "from_$format" --no-header
        expect_out_is '1,a
1,a
1,a
2,b
2,b
2,b
3,
3,
3,'
    done
}

test_damaged_rows_on_standard_input_change_nothing() {
    setup_table
    printf 'k,v\n1,a\n' >in.csv
    run_ok ingest t in.csv
    run_ok scan t -o parquet --output rows.parquet
    run_ok scan t -o arrow --output rows.arrow
    head -c 100 rows.parquet >half.parquet
    head -c 200 rows.arrow >half.arrow
    local before file
    before=$(fingerprint instance)
    for file in half.parquet half.arrow; do
        run_in "$file" ingest t -
        expect_rc 8
        expect_one_message
        expect_err 'standard input'
    done
    expect_true test "$(fingerprint instance)" = "$before"
}

test_nested_columns_are_passed_over_or_refused_by_name() {
    [ -x "$REPO/.venv/bin/python" ] || skip "no Python environment with pyarrow"
    setup_table
    "$REPO/.venv/bin/python" - >verdict 2>&1 <<'PYTHON' || fail "$(cat verdict)"
import pyarrow as pa, pyarrow.parquet as pq
pq.write_table(pa.table({"k": [1], "v": ["a"], "more": [[1, 2]]}), "more.parquet")
pq.write_table(pa.table({"k": [1], "v": [["a"]]}), "nested.parquet")
with pa.ipc.new_file("nested.arrow", pa.schema([("k", pa.int64()), ("v", pa.list_(pa.string()))])) as out:
    out.write_table(pa.table({"k": [1], "v": [["a"]]}))
PYTHON
    run_ok ingest t more.parquet
    run_ok scan t --no-header
    expect_out_is 1,a
    local file
    for file in nested.parquet nested.arrow; do
        run ingest t "$file"
        expect_rc 1
        expect_one_message
        expect_err "$file\": column \"v\" is list<"
        expect_err 'expected string or what becomes it without loss'
    done
}

test_a_token_is_committed_once() {
    setup_table
    printf 'k,v\n1,a\n' >in.csv
    run_ok ingest t in.csv --token monday
    expect_err "sequence 2"
    run_ok ingest t in.csv --token monday
    expect_err 'nothing to do: token "monday" was committed at sequence 2'
    run_ok ingest t in.csv --token tuesday
    run_ok count t
    expect_out_is 2
    run_ok compact t --all
    unchanged instance run_ok ingest t in.csv --token monday
    run_ok count t
    expect_out_is 2
    # A failed ingest has not used its token up.
    run ingest t nowhere.csv --token wednesday
    expect_rc 4
    run_ok ingest t in.csv --token wednesday
    run_ok count t
    expect_out_is 3
}

test_a_dry_run_reads_all_and_writes_nothing() {
    setup_table
    printf 'k,v\n1,a\n2,b\n' >in.csv
    unchanged instance run_ok ingest t in.csv --dry-run
    expect_err "2 rows of 1 file"
    printf 'k,v\n1,a\nx,b\n' >bad.csv
    unchanged instance run ingest t bad.csv --dry-run
    expect_rc 1
    run_ok count t
    expect_out_is 0
}

test_no_rows_are_no_commit() {
    setup_table
    printf 'k,v\n' >none.csv
    unchanged instance run_ok ingest t none.csv
    expect_err "0 rows"
}

test_columns_are_found_by_name_in_any_order() {
    setup_table
    printf 'v,more,k\na,x,1\n' >order.csv
    run ingest t order.csv
    if [ "$rc" = 0 ]; then
        run_ok scan t --no-header
        expect_out_is 1,a
    else
        expect_err more
    fi
    printf 'v,k\na,1\n' >order.csv
    run_ok ingest t order.csv
}

test_a_missing_nullable_column_is_told_or_null() {
    setup_table
    printf 'k\n1\n' >short.csv
    run ingest t short.csv
    if [ "$rc" = 0 ]; then
        run_ok scan t --no-header
        expect_out_is 1,
    else
        expect_rc 1
        expect_err '"v"'
    fi
}

test_duplicates_are_kept() {
    setup_table
    printf 'k,v\n1,a\n1,a\n1,b\n' >in.csv
    run_ok ingest t in.csv
    run_ok ingest t in.csv
    run_ok compact t --all
    run_ok scan t --no-header
    expect_out_is '1,a
1,a
1,b
1,a
1,a
1,b'
}

test_rows_that_do_not_fit_memory_are_the_same_rows() {
    run_ok init
    run_ok table create f --like "$DATA/flights-slice.parquet" --row-key origin --sort-key date,destination,delay
    run_ok table create g --like "$DATA/flights-slice.parquet" --row-key origin --sort-key date,destination,delay
    run_ok ingest f "$DATA/flights-slice.parquet" --memory 16MiB
    run_ok ingest g "$DATA/flights-slice.parquet" --memory 1GiB
    run_ok scan f
    sha256sum <"$work/out" >first
    run_ok scan g
    sha256sum <"$work/out" >second
    expect_true cmp first second
    run_ok check
}

test_an_interrupt_commits_nothing_and_ends_with_130() {
    setup_table
    mkfifo pipe
    before=$(fingerprint instance)
    rc=0
    last="sleeper ingest t - (interrupted)"
    # Background jobs of a script ignore SIGINT; python gives the program its default back.
    python3 - "$SLEEPER" >"$work/out" 2>"$work/err" <<'PYTHON' || rc=$?
import signal, subprocess, sys, time
process = subprocess.Popen([sys.argv[1], "ingest", "t", "-", "--input-format", "csv"], stdin=subprocess.PIPE,
                           preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
process.stdin.write(b"k,v\n" + b"".join(b"%d,x\n" % i for i in range(300000)))
process.stdin.flush()
process.send_signal(signal.SIGINT)
try:
    process.stdin.write(b"1,x\n" * 300000)
    process.stdin.close()
except BrokenPipeError:
    pass
sys.exit(process.wait(timeout=30))
PYTHON
    expect_rc 130
    expect_one_message
    expect_true test "$(fingerprint instance)" = "$before"
    run_ok count t
    expect_out_is 0
}

test_an_interrupt_ends_what_waits_for_a_pipe() {
    setup_table
    seq 200000 | sed 's/.*/&,x/;1i k,v' >in.csv
    run_ok ingest t in.csv
    # Reading from a pipe that gives nothing, writing to one that nobody reads.
    python3 - "$SLEEPER" >verdict 2>&1 <<'PYTHON' || fail "$(cat verdict)"
import signal, subprocess, sys, time
for words in (["ingest", "t", "-", "--input-format", "csv"], ["get", "t", "--keys", "-"], ["scan", "t"]):
    for number in (signal.SIGINT, signal.SIGTERM):
        process = subprocess.Popen([sys.argv[1], *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE,
                                   preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        time.sleep(0.4)
        process.send_signal(number)
        try:
            code = process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        message = process.stderr.read().decode()
        assert code == 130, (words, number, code, message)
        assert len(message.splitlines()) == 1 and "interrupted" in message, (words, message)
PYTHON
    run_ok count t
    expect_out_is 200000
}

test_closed_streams_get_nothing_into_the_files() {
    setup_table
    printf 'k,v\n1,a\n' >in.csv
    "$SLEEPER" ingest t in.csv >&- 2>&- <&- || fail "ingest with closed streams"
    "$SLEEPER" ingest t in.csv -v >&- 2>&- <&- || fail "ingest with closed streams"
    "$SLEEPER" compact t --all -v >&- 2>&- <&- || fail "compaction with closed streams"
    run_ok check t
    run_ok count t
    expect_out_is 2
    rc=0
    last="sleeper scan t >&-"
    "$SLEEPER" scan t >&- 2>"$work/err" || rc=$?
    expect_rc 1
    expect_err 'standard output'
}

test_wide_and_long_values_are_kept() {
    setup_table
    python3 -c 'print("k,v"); print("1," + "x" * 3000000); print("2,é" + "y" * 100000)' >long.csv
    run_ok ingest t long.csv
    run_ok scan t
    expect_true cmp long.csv "$work/out"
    run_ok check t
}

test_bad_rows_are_left_out_and_kept() {
    printf '{"fields":[{"name":"k","type":"int64"}],"rowKey":["k"],"sortKey":[]}' >k.json
    run_ok init
    run_ok table create t --schema k.json
    printf 'k\n1\nx\n2\n' >rows.csv
    run ingest t rows.csv --on-error skip
    expect_rc 3
    expect_err '1 bad row left out'
    run ingest t rows.csv --on-error quarantine
    expect_rc 3
    expect_err 't.rejected.ndjson'
    grep -q '"line":3,"column":"k","reason":".*","text":"x"}' t.rejected.ndjson || fail "no reason"
    run ingest t rows.csv --on-error quarantine --quarantine t.rejected.ndjson
    expect_rc 5
    run ingest t rows.csv rows.csv --on-error skip --max-errors 1
    expect_rc 1
    expect_err 'more than 1 bad row'
    run_ok count t
    expect_out_is 4
}

test_a_small_ingest_into_many_partitions_is_one_small_frame() {
    printf '{"fields":[{"name":"k","type":"string"}],"rowKey":["k"],"sortKey":[]}' >k.json
    seq -f 'k%06g' 1 20000 >points
    { echo k; seq -f 'k%06g' 7 20 20000; } >rows.csv
    run_ok init
    run_ok table create t --schema k.json --split-points points
    run_ok ingest t rows.csv
    expect_err '1000 rows of 1 file in 1 data file'
    [ "$(stat -c %s instance/t/*/log/00000000000000000002)" -lt 4096 ] || fail "a large frame"
    run_ok count t
    expect_out_is 1000
}

run_tests
