# Finding rows: get by prefix and by full key, ranges, predicates with carets, columns, limits; on lists too.
. "$(dirname "$0")/lib.sh"

setup_flights() {
    run_ok init
    run_ok table create f --like "$DATA/flights-next.parquet" --row-key origin --sort-key date,destination
    run_ok ingest f "$DATA/flights-next.parquet"
}

# answer QUERY: what DuckDB says about the file, as CSV without header, in $expected.
answer() {
    [ -x "$REPO/.venv/bin/python" ] || skip "no Python environment with DuckDB"
    expected=$("$REPO/.venv/bin/python" - "$1" "$DATA/flights-next.parquet" <<'PYTHON'
import sys, duckdb
f = duckdb.read_parquet(sys.argv[2])
for row in duckdb.sql(sys.argv[1]).fetchall():
    print(",".join("" if v is None else v.isoformat() if hasattr(v, "isoformat") else str(v) for v in row))
PYTHON
    )
}

test_get_by_row_key_and_by_longer_prefixes() {
    setup_flights
    answer "SELECT count(*) FROM f WHERE origin = 'ATL'"
    run_ok get f ATL
    expect_out_lines $((expected + 1))
    answer "SELECT date FROM f WHERE origin = 'ATL' ORDER BY date LIMIT 1"
    local date=$expected
    answer "SELECT * FROM f WHERE origin = 'ATL' AND date = '$date' ORDER BY destination"
    run_ok get f "ATL,$date" --no-header
    expect_true test "$(sort "$work/out")" = "$(sort <<<"$expected")"
    answer "SELECT destination FROM f WHERE origin = 'ATL' AND date = '$date' ORDER BY destination LIMIT 1"
    local destination=$expected
    answer "SELECT * FROM f WHERE origin = 'ATL' AND date = '$date' AND destination = '$destination'"
    run_ok get f "ATL,$date,$destination" --no-header
    expect_true test "$(sort "$work/out")" = "$(sort <<<"$expected")"
    cp "$work/out" whole
    run_ok get f --key destination="$destination" --key origin=ATL --key date="$date" --no-header
    expect_true cmp whole "$work/out"
}

test_get_takes_whole_fields_and_not_their_beginnings() {
    setup_flights
    run_ok get f AT --no-header
    expect_out_is ""
    run_ok get f "" --no-header
    expect_out_is ""
}

test_get_of_several_keys_is_in_key_order_without_repeats() {
    setup_flights
    run_ok get f JFK ATL ATL,2001-01-16 JFK --no-header
    cp "$work/out" several
    { run_ok get f ATL --no-header; cat "$work/out"; run_ok get f JFK --no-header; cat "$work/out"; } >apart
    expect_true cmp several apart
    printf 'JFK\r\nATL\n\n' >keys.txt
    run_ok get f --keys keys.txt --no-header
    expect_true cmp several "$work/out"
    run_in keys.txt get f --keys - --no-header
    expect_true cmp several "$work/out"
}

test_keys_that_do_not_parse_are_refused() {
    setup_flights
    run get f ATL,yesterday
    expect_rc 2
    expect_one_message
    expect_err '"ATL,yesterday"'
    expect_err '"date"'
    run get f ATL,2001-01-16,DFW,more
    expect_rc 2
    expect_one_message
    run get f
    expect_rc 2
    expect_err '"get" needs a key'
    run get f --key date=2001-01-16
    expect_rc 2
    expect_err '"origin"'
    run get f --key origin=ATL --key destination=DFW
    expect_rc 2
    expect_one_message
    run get f --key origin=ATL --key orign=ATL
    expect_rc 2
    run get f ATL --key origin=ATL
    expect_rc 2
    run get f ATL --keys keys.txt
    expect_rc 2
    run get f --keys nowhere.txt
    expect_rc 4
    expect_err nowhere.txt
}

test_keys_are_found_whatever_their_bytes() {
    run_ok init
    printf '{"fields":[{"name":"a","type":"string"},{"name":"b","type":"binary"},{"name":"c","type":"double"}],
             "rowKey":["a","b"],"sortKey":["c"]}' >schema.json
    run_ok table create t --schema schema.json
    printf 'a,b,c\n"x,y",AA==,-1.5\n"say ""hi""",/w==,NaN\n"","",0\n' >t.csv
    run_ok ingest t t.csv
    run_ok get t '"x,y",AA==' --no-header
    expect_out_is '"x,y",AA==,-1.5'
    run_ok get t '"say ""hi""",/w==,NaN' --no-header
    expect_out_is '"say ""hi""",/w==,NaN'
    run_ok get t '"",""' --no-header
    expect_out_is '"","",0'
    run_ok get t --key 'a=say "hi"' --key b=/w== --no-header
    expect_out_is '"say ""hi""",/w==,NaN'
    run get t '"x,y"'
    expect_rc 2
    expect_err 'expected at least 2 of a,b,c'
}

test_scan_ranges_are_half_open_and_take_prefixes() {
    setup_flights
    answer "SELECT count(*) FROM f WHERE origin >= 'ATL' AND origin < 'BOS'"
    run_ok count f --from ATL --to BOS
    expect_out_is "$expected"
    run_ok scan f --from ATL --to BOS --no-header
    expect_out_lines "$expected"
    answer "SELECT count(*) FROM f WHERE origin = 'ATL' AND date >= '2001-01-17'"
    run_ok count f --from ATL,2001-01-17 --to ATM
    expect_out_is "$expected"
    run_ok count f --from BOS --to ATL
    expect_out_is 0
    run_ok count f --from ATL --to ATL
    expect_out_is 0
    run_ok scan f --from ZZZ --no-header
    expect_out_is ""
}

test_rows_come_in_key_order() {
    setup_flights
    run_ok scan f --columns origin,date,destination --no-header
    LC_ALL=C sort -c -t, "$work/out" || fail "not in key order"
    expect_out_lines 33791
}

test_predicates_agree_with_duckdb() {
    setup_flights
    local where
    for where in "delay > 60" "origin = 'ATL' AND destination IN ('DFW', 'JFK')" "distance BETWEEN 100 AND 200 OR delay < -20" \
        "NOT (origin LIKE 'A%')" "origin LIKE 'AT%' AND date < TIMESTAMP '2001-01-16 12:00:00'" "delay IS NULL" \
        "delay <> 0 AND (distance >= 2000 OR destination = 'SFO')" "origin > destination"; do
        answer "SELECT count(*) FROM f WHERE $where"
        run_ok count f --where "$where"
        expect_out_is "$expected"
        run_ok scan f --where "$where" --columns origin --no-header
        expect_out_lines "$expected"
    done
    answer "SELECT count(*) FROM f WHERE origin = 'ATL' AND delay > 5"
    run_ok count f --where 'origin = $o AND delay > $d' --param o=ATL --param d=5
    expect_out_is "$expected"
}

test_mistakes_in_predicates_draw_a_caret() {
    setup_flights
    run scan f --where "delay > 'abc'"
    expect_rc 2
    expect_out_is ""
    expect_err "delay > 'abc'"
    grep -q '^ *^' "$work/err" || fail "no caret"
    run scan f --where "dlay > 1"
    expect_rc 2
    expect_err '"delay"'
    grep -q '^ *^' "$work/err" || fail "no caret"
    run count f --where "delay >"
    expect_rc 2
    grep -q '\^' "$work/err" || fail "no caret"
    run scan f --where 'delay > $x'
    expect_rc 2
    expect_err 'x'
    run file list f --where "rows > 'many'"
    expect_rc 2
    grep -q '\^' "$work/err" || fail "no caret"
}

test_columns_are_given_in_the_order_asked() {
    setup_flights
    run_ok scan f --columns delay,origin --limit 1
    expect_true test "$(head -1 "$work/out")" = delay,origin
    run scan f --columns delay,orign
    expect_rc 4
    expect_err 'no column "orign"; did you mean "origin"?'
    run scan f --columns delay,delay
    expect_rc 2
    run get f ATL --columns nothing
    expect_rc 4
}

test_limits_end_and_fail_as_they_say() {
    setup_flights
    run_ok scan f --limit 0
    expect_out_is date,delay,distance,origin,destination
    run_ok scan f --limit 3 --no-header
    expect_out_lines 3
    run_ok scan f --limit 100000 --no-header
    expect_out_lines 33791
    run scan f --max-rows 10
    expect_rc 9
    expect_err "--max-rows"
    run_ok scan f --max-rows 33791
    run_ok scan f --limit 10 --max-rows 10
    run scan f --max-bytes 1000
    expect_rc 9
    expect_err "--max-bytes"
    run count f --max-rows 10
    expect_rc 9
}

test_where_works_on_lists() {
    setup_flights
    run_ok ingest f "$DATA/flights-slice.parquet"
    run_ok file list f --where "rows > 100000" --no-header
    expect_out_lines 1
    run_ok log f --where "kind = 'add'" --no-header
    run_ok table list --where "name LIKE 'f%'" --no-header
    expect_out_lines 1
    run_ok table describe f --where "role <> 'value'" --no-header
    expect_out_lines 3
    run_ok partition list f --where "rows IS NULL" --no-header
    expect_out_lines 0
    run_ok status --where "files = 2" --no-header
    expect_out_lines 1
    run file list f --where "row > 1"
    expect_rc 2
    expect_err '"rows"'
}

test_lists_have_the_columns_that_scripts_rely_on() {
    setup_flights
    run_ok table list
    expect_out 'name,id,created'
    run_ok table describe f
    expect_out_is 'name,type,nullable,role,key_place,field_id
date,timestamp[us],false,sort key,2,1
delay,int64,true,value,,2
distance,int64,true,value,,3
origin,string,false,row key,1,4
destination,string,false,sort key,3,5'
    run_ok partition list f
    expect_out 'partition,from,to,files,depth,rows,rows_exact,bytes'
    run_ok file list f
    expect_out 'name,rows,bytes,first_key,last_key,from_sequence,to_sequence,partitions,unfiled,made'
    run_ok job list f
    expect_out_is 'id,kind,attempt,from,to,inputs,deadline,state,ended,why,path'
    run_ok log f
    expect_out 'sequence,index,time,kind,verdict,summary,base,txid'
    run_ok status
    expect_out 'table,sequence,partitions,files,unfiled,rows,bytes,depth,jobs,dead_files,time,'
}

test_answers_do_not_change_with_compaction() {
    setup_flights
    run_ok ingest f "$DATA/flights-slice.parquet"
    run_ok scan f -o csv
    sort "$work/out" >before
    run_ok get f "ATL,2001-01-01T11:56,DCA" --no-header
    sort "$work/out" >key
    expect_true test "$(wc -l <key)" -eq 3
    run_ok compact f --all
    run_ok file list f --no-header
    expect_out_lines 1
    run_ok scan f -o csv
    sort "$work/out" >after
    expect_true cmp before after
    run_ok get f "ATL,2001-01-01T11:56,DCA" --no-header
    expect_true test "$(sort "$work/out")" = "$(cat key)"
    run_ok check f
    run_ok gc f --min-age 0s
    expect_true test "$(find instance -path '*/data/*' -type f | wc -l)" -eq 1
    run_ok scan f -o csv
    sort "$work/out" >after
    expect_true cmp before after
}

test_verbose_tells_what_a_lookup_cost() {
    setup_flights
    run_ok -v get f "ATL,2001-01-16T06:00,DFW"
    expect_err "requests: "
    expect_err "key index"
    expect_err "files: 1 considered, 1 read"
}

# expect_keys CONDITION KEYS: what scan and count find, and cat in every format.
expect_keys() {
    local format
    run_ok scan t --where "$1" --columns k --no-header
    expect_out_is "$2"
    run_ok count t --where "$1"
    expect_out_is "$(printf '%s' "$2" | grep -c .)"
    for format in parquet arrow ndjson; do
        run_ok cat "rows.$format" --where "$1" --columns k --no-header
        expect_out_is "$2"
    done
}

test_members_of_structs_and_nulls_of_nested_columns_select_rows() {
    printf '%s\n' '{"k":1,"l":[1,2],"s":{"a":1,"b":["x"],"q":{"v":0.5}},"d":"x"}' '{"k":2,"l":[],"s":null}' \
        '{"k":3,"l":null,"s":{"a":null}}' '{"k":4,"l":[null],"s":{"a":7,"b":[],"q":{"v":null}}}' >rows.ndjson
    run_ok init
    run_ok table create t --like rows.ndjson --row-key k
    run_ok ingest t rows.ndjson
    run_ok scan t -o parquet --output rows.parquet
    run_ok scan t -o arrow --output rows.arrow
    expect_keys 'l IS NULL' 3
    expect_keys 's IS NULL OR s.b IS NOT NULL' '1
2
4'
    expect_keys 's.a > 0' '1
4'
    expect_keys 'NOT s.a = 1' 4
    expect_keys 's.a IS NULL AND k < 3' 2
    expect_keys 'S.Q.V < s.a' 1
    expect_keys 's.q IS NULL' '2
3'
    run scan t --where "s.b = 'x' AND l.a = 1"
    expect_rc 1
    expect_err '"b" has type list<element: string>, of which conditions take IS NULL alone'
    expect_err '"l" has no member "a": it is no struct, it is list<element: int64>'
    run_ok purge t --where 's.a = 7' --yes
    run_ok compact t --all
    run_ok scan t --columns k --no-header
    expect_out_is '1
2
3'
    run_ok check t
}

run_tests
