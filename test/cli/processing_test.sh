# Processing: engines, row kinds, deletes, purges, filters and iterators; before and after compaction answers are the same.
. "$(dirname "$0")/lib.sh"

setup_table() {
    printf '{"fields":[{"name":"k","type":"string"},{"name":"n","type":"int64","nullable":true},{"name":"ts","type":"int64"}],"rowKey":["k"]}' >schema.json
    printf 'k,n,ts\na,1,5\nb,2,6\na,10,3\nc,7,1\n' >one.csv
    printf 'k,n,ts,op\na,100,9,put\nb,,,delete\nd,4,4,reset\n' >two.csv
    run_ok init
    run_ok table create t --schema schema.json "$@"
    run_ok ingest t one.csv
    run ingest t two.csv --row-kind-column oq
    expect_rc 1
    expect_err 'two.csv": no column "oq"; did you mean "op"?'
    run_ok ingest t two.csv --row-kind-column op
}

expect_rows() {
    run_ok scan t --no-header
    expect_out_is "$1"
    run_ok compact t --all
    run_ok scan t --no-header
    expect_out_is "$1"
    run_ok count t
    expect_out_is "$(printf '%s\n' "$1" | wc -l)"
    run_ok check t
}

# A row that is no put, no delete and no reset, and a put without the value that it must have.
test_bad_kinds_are_bad_rows_in_every_format() {
    local rows='{"k":"a","n":1,"ts":1,"op":"put"}
{"k":"b","n":2,"ts":2,"op":"upsert"}
{"k":"c","op":"delete"}
{"k":"d","n":4,"op":"reset"}
{"k":"e","n":5,"ts":5}'
    local format place first=2
    printf '%s\n' "$rows" >kinds.ndjson
    run_ok init
    for format in ndjson csv parquet arrow; do
        run_ok cat kinds.ndjson -o "$format" --output "kinds.$format.new"
        mv "kinds.$format.new" "kinds.$format"
        printf '{"fields":[{"name":"k","type":"string"},{"name":"n","type":"int64","nullable":true},{"name":"ts","type":"int64"}],"rowKey":["k"]}' >schema.json
        run_ok table create "$format" --schema schema.json
        run ingest "$format" "kinds.$format" --row-kind-column op
        expect_rc 1
        case $format in
        ndjson) place='line 2, column "op": ' first=2 ;;
        csv) place='line 3, column "op": ' first=3 ;;
        *) place='column "op": row 2: ' first=2 ;;
        esac
        expect_err "kinds.$format\": $place\"upsert\" is no kind of row; expected put, delete or reset"
        run ingest "$format" "kinds.$format" --row-kind-column op --on-error quarantine
        expect_rc 3
        run_ok scan "$format" --no-header
        expect_out_is 'a,1,1
e,5,5'
        run_ok cat "$format.rejected.ndjson" --columns "$([ "$place" = "${place#line}" ] && echo row || echo line),column" --no-header
        expect_out_is "$first,op
$((first + 2)),ts"
    done
}

# As columns are: what nobody wants is passed over, in every format; a struct that has nothing of ours is refused.
test_unknown_members_of_structs_are_passed_over() {
    local format
    printf '{"k":1,"s":{"w":[{"x":7}],"x":1,"z":"q"},"more":{"x":2}}\n{"k":2,"s":{"x":3,"w":null}}\n' >in.ndjson
    printf '{"k":3,"s":{"X":1}}\n{"k":4,"s":{}}\n' >other.ndjson
    printf 'k,s\n1,"{""x"":1,""y"":2}"\n2,"{""x"":3,""w"":[]}"\n' >in.csv
    printf '{"fields":[{"name":"k","type":"int64"},{"name":"s","type":"struct","nullable":true,"fields":[{"name":"x","type":"int64","nullable":true},{"name":"w","type":"list","nullable":true,"element":{"type":"struct","nullable":true,"fields":[{"name":"x","type":"int64","nullable":true}]}},{"name":"z","type":"string","nullable":true}]}],"rowKey":["k"]}' >wide.json
    printf '{"fields":[{"name":"k","type":"int64"},{"name":"s","type":"struct","nullable":true,"fields":[{"name":"X","type":"int64","nullable":true}]}],"rowKey":["k"]}' >upper.json
    printf '{"fields":[{"name":"k","type":"int64"},{"name":"s","type":"struct","nullable":true,"fields":[{"name":"x","type":"int64","nullable":true}]}],"rowKey":["k"]}' >schema.json
    run_ok init
    run_ok table create wide --schema wide.json
    run_ok ingest wide in.ndjson
    run_ok table create upper --schema upper.json
    run_ok ingest upper other.ndjson
    for format in parquet arrow; do
        run_ok scan wide -o "$format" --output "in.$format"
        run_ok scan upper -o "$format" --output "other.$format"
    done
    for format in ndjson csv parquet arrow; do
        run_ok table create "$format" --schema schema.json
        run_ok ingest "$format" "in.$format"
        run_ok scan "$format" -o ndjson
        expect_out_is '{"k":1,"s":{"x":1}}
{"k":2,"s":{"x":3}}'
        [ $format = csv ] && continue
        run ingest "$format" "other.$format"
        expect_rc 1
        expect_err '"s"'
    done
    run ingest ndjson other.ndjson --on-error skip
    expect_rc 3
    run_ok scan ndjson --where 'k > 2' -o ndjson
    expect_out_is '{"k":4,"s":{"x":null}}'
}

test_an_aggregate_reduces_what_comes_in() {
    setup_table --engine 'aggregate(sum: n; max: ts)'
    run_ok table properties t --where "name = 'engine'" --columns value --no-header
    expect_out 'sum: ""n""'
    expect_rows 'a,111,9
c,7,1
d,4,4'
}

test_last_keeps_the_row_of_the_greatest_order() {
    setup_table --engine last --order-by ts
    expect_rows 'a,100,9
c,7,1
d,4,4'
}

test_a_bag_keeps_rows_but_those_deleted() {
    setup_table
    run_ok delete t a
    expect_rows 'c,7,1
d,4,4'
    run_ok ingest t one.csv
    run_ok delete t --from b --to d --yes
    expect_rows 'a,1,5
a,10,3
d,4,4'
}

test_a_purge_goes_at_once_and_from_files_when_compacted() {
    setup_table
    run_ok purge t --where 'n > 5' --dry-run
    expect_err '3 rows would be purged'
    run_ok purge t --where 'n > 5' --yes
    expect_rows 'a,1,5
d,4,4'
}

test_upstreams_properties_are_taken() {
    setup_table --set 'sleeper.table.aggregations=sum(n),max(ts)' --set 'iterators=filter(n > 5)'
    run_ok scan t --no-header
    expect_out_is 'a,111,9
c,7,1'
}

test_iterators_of_a_query_run_on_merged_rows() {
    setup_table --engine 'aggregate(sum: n; max: ts)'
    run_ok scan t --iterator 'map(m = n * 2)' --iterator 'filter(m > 10)' --columns k,m --no-header
    expect_out_is 'a,222
c,14'
}

test_what_does_not_fit_is_named() {
    setup_table
    run table create u --schema schema.json --engine 'aggregate(sum: n)'
    expect_rc 2
    expect_err 'value field "ts" has no operation'
    run scan t --iterator 'nonsense(m)'
    expect_rc 2
    expect_err 'unknown iterator "nonsense"'
    run table set t 'filters=zz > 3'
    expect_rc 2
    expect_err 'unknown column "zz"'
    run delete t
    expect_rc 2
    expect_err 'give keys, or a range'
}

test_a_status_tells_what_is_stored_and_fails_of_no_sum() {
    setup_table --engine 'aggregate(sum: n; max: ts)'
    printf 'k,n,ts\na,9223372036854775807,1\n' >large.csv
    run_ok ingest t large.csv
    run scan t
    expect_rc 9
    run_ok count t # nobody asks for the sum
    run_ok status t --columns table,rows --no-header
    expect_out_is 't,7'
    run_ok status
}

test_a_delete_by_token_counts_once() {
    setup_table
    run_ok delete t a --token one
    expect_err '1 key deleted, sequence 4'
    run_ok delete t a --token one
    expect_err 'nothing to do: token "one" was committed at sequence 4'
    run_ok delete t --from b --to c --token two --yes
    run_ok ingest t one.csv
    run_ok delete t --from b --to c --token two --yes
    expect_err 'nothing to do: token "two" was committed at sequence 5'
    run_ok count t --from b --to c
    expect_out_is 1
    run delete t a --from b
    expect_rc 2
    expect_err 'do not go together'
}

test_the_engine_is_no_property_to_be_set() {
    setup_table
    run table set t engine=last
    expect_rc 2
    expect_err 'fixed from then on'
}

setup_maps() {
    cat >schema.json <<'JSON'
{"fields":[{"name":"k","type":"string"},
 {"name":"n","type":"map","key":{"type":"string"},"value":{"type":"int64"}},
 {"name":"s","type":"map","nullable":true,"key":{"type":"int32"},"value":{"type":"int16","nullable":true}},
 {"name":"u","type":"list","element":{"type":"string"}},
 {"name":"a","type":"list","nullable":true,"element":{"type":"int32","nullable":true}}],"rowKey":["k"]}
JSON
    cat >one.ndjson <<'JSON'
{"k":"a","n":{"x":1,"y":2},"s":[{"key":5,"value":30000},{"key":-1,"value":null}],"u":["q","b","q"],"a":[1]}
{"k":"b","n":{},"s":null,"u":[],"a":null}
{"k":"a","n":{"z":9,"x":10},"s":[{"key":5,"value":30000}],"u":["a"],"a":[null,2]}
JSON
    cat >two.ndjson <<'JSON'
{"k":"a","n":{"x":-5},"s":[{"key":5,"value":-30000}],"u":["b"],"a":[3],"op":"put"}
{"k":"b","n":{"w":4},"s":[],"u":["z"],"a":[7],"op":"reset"}
{"k":"c","n":{},"s":null,"u":[],"a":null,"op":"delete"}
JSON
    run_ok init
    run_ok table create t --schema schema.json "$@"
}

test_maps_and_lists_are_folded_and_sums_on_the_way_are_exact() {
    local b='{"k":"b","n":{"w":4},"s":[],"u":["z"],"a":[7]}'
    local both='{"k":"a","n":{"x":10,"y":2,"z":9},"s":[{"key":-1,"value":null},{"key":5,"value":30000}],"u":["a","b","q"],"a":[1,null,2,3]}
'"$b"
    setup_maps --engine 'aggregate(map_max: n; map_sum: s; set_union: u; list_union: a)'
    run_ok ingest t one.ndjson
    run scan t
    expect_rc 9
    expect_err 'the map_sum of field "s" does not fit map<int32, int16>'
    run_ok ingest t two.ndjson --row-kind-column op
    run_ok scan t -o ndjson
    expect_out_is "$both"
    run_ok compact t --all
    run_ok scan t -o ndjson
    expect_out_is "$both"
    run_ok scan t --where "k > 'a'" -o ndjson
    expect_out_is "$b"
    run_ok check t
    run_ok delete t a
    run_ok scan t -o ndjson
    expect_out_is "$b"
    run_ok compact t --all
    run_ok scan t -o ndjson
    expect_out_is "$b"
    run_ok check t
}

test_rows_of_maps_and_lists_are_deleted_and_purged() {
    setup_maps
    run_ok ingest t one.ndjson
    run_ok delete t a
    run_ok ingest t two.ndjson --row-kind-column op
    run_ok scan t --columns k,n -o ndjson
    expect_out_is '{"k":"a","n":{"x":-5}}
{"k":"b","n":{"w":4}}'
    run_ok compact t --all
    run_ok scan t --columns u,k -o ndjson
    expect_out_is '{"u":["b"],"k":"a"}
{"u":["z"],"k":"b"}'
    run_ok purge t --where "k = 'a'" --yes
    run_ok count t
    expect_out_is 1
    run_ok check t
}

run_tests
