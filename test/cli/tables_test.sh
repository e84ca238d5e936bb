#!/usr/bin/env bash
# Tables as a whole: properties, names, pins, earlier states, confirmations.
. "$(dirname "$0")/lib.sh"

# A table t of four rows.
make_table() {
    run_ok init
    printf 'k,v\na,1\nb,2\nc,3\nd,4\n' >rows.csv
    run_ok table create t --like rows.csv --row-key k "$@"
    run_ok ingest t rows.csv
}

test_a_property_is_the_tables_then_the_instances_then_the_programs() {
    make_table --set gc.delay.minutes=5
    run_ok instance set gc.delay.minutes=30 gc.batch.size=100
    run_ok table properties t --where "name in ('gc.delay.minutes', 'gc.batch.size', 'gc.history')" \
        --columns name,value,default,source
    expect_out_is 'name,value,default,source
gc.delay.minutes,5,60,table
gc.history,0s,0s,default
gc.batch.size,100,10000,instance'
    run_ok table set t --unset gc.delay.minutes
    expect_out_is 'property,old,new
gc.delay.minutes,5,30'
    run_ok instance properties --where "source = 'instance'" --columns name,value
    expect_out_is 'name,value
gc.delay.minutes,30
gc.batch.size,100'
}

test_the_guide_has_all_properties() {
    run_ok init
    run_ok instance properties -o markdown --columns name,type,default,help
    tail -n "$(wc -l <out)" "$REPO/docs/guide/properties.md" >guide
    expect_true cmp guide out
}

test_a_change_of_properties_is_shown_before_it_is_made() {
    make_table
    run_ok table set t sleeper.table.gc.delay.minutes=15 --dry-run
    expect_out_is 'property,old,new
gc.delay.minutes,60,15'
    run_ok table properties t --where "source = 'table' and name <> 'engine'"
    expect_out_lines 1
    run_ok table set t sleeper.table.gc.delay.minutes=15 gc.history=2d
    run_ok table properties t --where "source = 'table' and name <> 'engine'" --columns name,value
    expect_out_is 'name,value
gc.delay.minutes,15
gc.history,172800'
    run_ok table set t gc.delay.minutes=15
    expect_out_is 'property,old,new'
    run_ok log t --where "kind = 'properties'"
    expect_out_lines 2
}

test_a_property_that_is_none_or_does_not_fit_changes_nothing() {
    make_table
    run table set t gc.delay.minute=5
    expect_rc 4
    expect_err 'did you mean "gc.delay.minutes"'
    run table set t gc.history=1d gc.delay.minutes=soon
    expect_rc 2
    expect_err 'property "gc.delay.minutes": "soon" is not a whole number'
    run table set t gc.delay.minutes=1 gc.delay.minutes=2
    expect_rc 2
    expect_err 'given twice'
    run table set t sleeper.default.table.gc.delay.minutes=1
    expect_rc 2
    expect_err 'instance set'
    run table set t
    expect_rc 2
    run table create u --like rows.csv --row-key k --set compaction.strategy.class=none
    expect_rc 2
    expect_err 'size-ratio'
    run_ok table list
    expect_no_out u,
    run_ok table properties t --where "source = 'table' and name <> 'engine'"
    expect_out_lines 1
}

test_a_renamed_table_keeps_its_rows() {
    make_table
    run_ok table rename t u
    run count t
    expect_rc 4
    run_ok count u
    expect_out_is 4
    run table rename u u
    expect_rc 5
    run table rename none v
    expect_rc 4
    run table rename u 9
    expect_rc 2
}

test_a_table_is_dropped_only_when_its_name_is_said() {
    make_table
    run table drop t
    expect_rc 10
    expect_err '--confirm'
    run table drop t --confirm u
    expect_rc 10
    run table drop t --no-input
    expect_rc 10
    run_ok count t
    run_ok table drop t --confirm t
    run count t
    expect_rc 4
    run table drop t --yes
    expect_rc 4
    run_ok table create t --like rows.csv --row-key k
    run_ok count t
    expect_out_is 0
    run_ok table drop t --yes
}

test_on_a_terminal_the_name_is_typed() {
    make_table
    python3 - "$SLEEPER" >answer <<'END' || fail "no terminal"
import os, pty, sys
def ask(answer):
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(sys.argv[1], [sys.argv[1], "table", "drop", "t"])
    text = b""
    while b"go on: " not in text:
        text += os.read(fd, 1000)
    os.write(fd, answer + b"\n")
    try:
        while os.read(fd, 1000):
            pass
    except OSError:
        pass
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
print(ask(b"no"), ask(b"t"))
END
    expect_true test "$(cat answer)" = "10 0"
    run count t
    expect_rc 4
}

test_offline_is_shown_and_taken_back() {
    make_table
    run_ok table offline t
    run_ok table offline t
    expect_err already
    run_ok table list --columns name,offline
    expect_out_is 'name,offline
t,true'
    run_ok table online t
    run_ok table list --columns offline
    expect_out_is 'offline
false'
}

test_a_state_whose_files_may_be_gone_is_refused_by_every_reader() {
    make_table
    run_ok ingest t rows.csv
    run_ok compact t --all
    run_ok pin t held
    run_ok gc t --min-age 0s
    run_ok ingest t rows.csv
    run_ok count t --at held
    expect_out_is 8
    for command in "count t" "scan t" "get t a" "status t"; do
        # shellcheck disable=SC2086
        run $command --at 3
        expect_rc 4
        expect_err 'sequence 3 is not kept any more'
    done
}

test_a_pin_is_read_and_restored_by_name_and_by_sequence() {
    make_table
    run_ok pin t before
    expect_err 'at sequence 2'
    run_ok ingest t rows.csv
    run_ok count t
    expect_out_is 8
    for at in before 2; do
        run_ok count t --at "$at"
        expect_out_is 4
        run_ok get t a --at "$at"
        expect_out_lines 2
        run_ok scan t --at "$at"
        expect_out_lines 5
    done
    run_ok table restore t --to before
    run_ok count t
    expect_out_is 4
    run_ok ingest t rows.csv
    run_ok table restore t --to 2
    run_ok count t
    expect_out_is 4
    run table restore t --to 3
    expect_rc 4
    expect_err 'no snapshot stands at just sequence 3'
    expect_err '2'
    run_ok unpin t before
    run unpin t before
    expect_rc 4
    run count t --at before
    expect_rc 2
}

test_pins_have_names_and_may_expire() {
    make_table
    run_ok pin t a --expires 30d
    run pin t a
    expect_rc 5
    run pin t 12
    expect_rc 2
    run_ok pin t b
    run_ok pin list --columns table,pin,expired
    expect_out_is 'table,pin,expired
t,a,false
t,b,false'
    run_ok pin list t --where "expires is null" --columns pin
    expect_out_is 'pin
b'
}

test_a_table_is_read_as_it_was_at_a_time() {
    make_table
    run_ok log t --where "kind = 'add'" --columns time
    time=$(tail -1 out)
    run_ok ingest t rows.csv
    run_ok count t --at "$time"
    expect_out_is 4
    run_ok count t --at 2999-01-01
    expect_out_is 8
    run count t --at 1999-01-01
    expect_rc 4
    run count t --at yesterday
    expect_rc 2
    for what in count scan status; do
        run $what t --at 99
        expect_rc 4
        expect_err 'there is no sequence 99 yet; the newest one is 3'
    done
}

test_status_shows_what_a_table_is_and_was() {
    make_table
    run_ok pin t p
    run_ok table pause t
    run_ok table offline t
    run_ok status t --columns rows,pins,snapshot,offline,paused,signals
    expect_out_is 'rows,pins,snapshot,offline,paused,signals
4,1,2,true,true,paused'
    run_ok status t --at p --columns table,sequence,rows,pins,paused
    expect_out_is 'table,sequence,rows,pins,paused
t,2,4,0,false'
    run_ok table resume t
    run_ok table set t backpressure.depth.soft=1
    run_ok status --where "signals <> ''" --columns table,signals,properties,unassigned_bytes
    expect_out_is 'table,signals,properties,unassigned_bytes
t,depth-soft,1,0'
    run status --at p
    expect_rc 2
}

test_ingests_are_delayed_before_they_are_refused() {
    make_table
    run table set t backpressure.depth.soft=600
    expect_rc 2
    expect_err '"backpressure.depth.soft" (600) would be above "backpressure.depth.hard" (512)'
    run_ok table set t backpressure.depth.soft=600 backpressure.depth.hard=600
    run table set t --unset backpressure.depth.hard
    expect_rc 2
    run instance set backpressure.depth.hard=63
    expect_rc 2
    run_ok instance set backpressure.depth.hard=64
}

# Rounds of requests that the last command, with -v, says it made.
rounds() {
    sed -n 's/.* in \([0-9]*\) rounds$/\1/p' "$work/err"
}

# A longer catalogue takes two rounds more, for the names and for what is said of them.
test_status_reads_each_table_in_a_round() {
    make_table
    run_ok status -v
    one=$(rounds)
    for i in 1 2 3 4 5 6; do
        run_ok table create "u$i" --like rows.csv --row-key k
    done
    run_ok status -v
    expect_true test "$(rounds)" -le $((one + 6 + 4))
}

test_a_receipt_is_waited_for() {
    make_table
    run_ok count t --min-seq 2
    expect_out_is 4
    ("$SLEEPER" ingest t rows.csv -q) &
    run_ok count t --min-seq 3
    expect_out_is 8
    wait
}

test_a_paused_table_takes_no_rows() {
    make_table
    run_ok table pause t
    run ingest t rows.csv
    expect_rc 5
    expect_err 'paused'
    run_ok count t
    expect_out_is 4
    run_ok table resume t
    run_ok ingest t rows.csv
}

test_data_files_are_written_as_the_properties_say() {
    run_ok init
    (
        echo k,v
        seq -f "%06g" 1 5000 | awk '{ print $1 "," NR }'
    ) >rows.csv
    run_ok table create t --like rows.csv --row-key k --set parquet.compression.codec=gzip \
        --set parquet.writer.version=v2 --set parquet.rowgroup.rows.max=2000 --set parquet.page.size=4096 \
        --set parquet.bloom.fields="v, none" --set parquet.columnindex.truncate.length=3
    run_ok ingest t rows.csv
    run_ok inspect "$(find instance -name '*.parquet')"
    expect_out 'codec GZIP'
    expect_out 'DATA_PAGE_V2'
    expect_out 'bloom_filter'
    sed -n 's/.*total_byte_size.*num_rows \([0-9]*\).*/\1/p' "$work/out" |
        awk '{ n++; sum += $1; if ($1 > 2000) exit 1 } END { if (n != 3 || sum != 5000) exit 1 }' ||
        fail 'row groups are not of 2,000 rows at most'
    run_ok table set t parquet.profile=compat --unset parquet.compression.codec --unset parquet.writer.version
    run_ok ingest t rows.csv
    run_ok compact t --all
    run_ok gc t --min-age 0s
    run_ok inspect "$(find instance -name '*.parquet')"
    expect_out 'codec SNAPPY'
    expect_no_out 'DELTA'
    run_ok count t
    expect_out_is 10000
    run_ok check t
}

test_lists_structs_and_maps_are_columns() {
    python nested.parquet <<'PYTHON'
import sys, pyarrow, pyarrow.parquet
table = pyarrow.table({
    "k": pyarrow.array([3, 1, 2], pyarrow.int64()),
    "l": pyarrow.array([[1, None], None, []], pyarrow.list_(pyarrow.int32())),
    "m": pyarrow.array([[("a", [1.5])], [], None], pyarrow.map_(pyarrow.string(), pyarrow.list_(pyarrow.float64()))),
    "s": pyarrow.array([{"x": 1, "y": "q"}, None, {"x": None, "y": "z"}])})
pyarrow.parquet.write_table(table, sys.argv[1])
PYTHON
    local rows='{"k":1,"l":null,"m":{},"s":null}
{"k":2,"l":[],"m":null,"s":{"x":null,"y":"z"}}
{"k":3,"l":[1,null],"m":{"a":[1.5]},"s":{"x":1,"y":"q"}}'
    run_ok init
    run_ok table create t --like nested.parquet --row-key k
    run_ok ingest t nested.parquet
    run_ok scan t -o ndjson
    expect_out_is "$rows"
    run_ok ingest t nested.parquet
    run_ok compact t --all
    run_ok check t
    run_ok get t 3 -o ndjson
    expect_out_lines 2
    run_ok scan t --columns s,k -o parquet --output out.parquet
    run_ok cat out.parquet --limit 1 -o ndjson
    expect_out_is '{"s":null,"k":1}'
    run table create u --like nested.parquet --row-key l
    expect_rc 1
    expect_err 'row key field "l" has type list<element: int32>, which keys do not take'
}

test_a_table_like_nested_lines_takes_them_back() {
    local format rows='{"k":1,"l":[1,2],"s":{"a":1,"b":["x"]},"m":[],"e":{}}
{"k":2,"l":[0.5],"s":null,"m":[{"d":"2001-01-31","l":[[true]]},null],"e":null}'
    printf '%s\n' "$rows" >rows.ndjson
    run_ok init
    run_ok table create t --like rows.ndjson --row-key k
    run_ok table describe t --columns name,type --no-header
    expect_out_is 'k,int64
l,list<element: double>
s,"struct<a: int64, b: list<element: string>>"
m,"list<element: struct<d: date, l: list<element: list<element: bool>>>>"
e,"map<string, string>"'
    run_ok ingest t rows.ndjson
    run_ok scan t -o ndjson
    expect_out_is "$rows"
    for format in parquet arrow; do
        run_ok scan t -o "$format" --output "rows.$format"
        run_ok table create "$format" --like "rows.$format" --row-key k
        run_ok ingest "$format" "rows.$format"
        run_ok scan "$format" -o ndjson
        expect_out_is "$rows"
    done
}

run_tests
