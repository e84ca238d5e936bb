# Output: every format, to a pipe, a file and a terminal; what is printed as text is read back to the same rows.
. "$(dirname "$0")/lib.sh"

need_terminal() {
    command -v script >/dev/null || skip "script is not installed"
    script -qec true /dev/null </dev/null >/dev/null 2>&1 || skip "no pseudo-terminal is to be had"
}

# Every flat type, with its extremes, nulls, and texts that need quoting.
make_all() {
    cat >schema.json <<'JSON'
{"fields":[{"name":"k","type":"string"},{"name":"i8","type":"int8","nullable":true},
  {"name":"u64","type":"uint64","nullable":true},{"name":"i64","type":"int64","nullable":true},
  {"name":"f","type":"float","nullable":true},{"name":"d","type":"double","nullable":true},
  {"name":"b","type":"bool","nullable":true},{"name":"day","type":"date","nullable":true},
  {"name":"ts","type":"timestamp[us]","nullable":true},{"name":"tz","type":"timestamp[ms, UTC]","nullable":true},
  {"name":"ns","type":"timestamp[ns]","nullable":true},
  {"name":"s","type":"string","nullable":true},{"name":"bin","type":"binary","nullable":true},
  {"name":"fix","type":"fixed_binary(3)","nullable":true},{"name":"dec","type":"decimal(38, 10)","nullable":true}],
 "rowKey":["k"]}
JSON
    cat >all.csv <<'CSV'
k,i8,u64,i64,f,d,b,day,ts,tz,ns,s,bin,fix,dec
a,-128,0,-9223372036854775808,-0.0,5e-324,true,1970-01-01,2001-01-01T06:00:00,2001-01-01T06:00:00.123Z,1677-09-21T00:12:43.145224193,"",,AAEC,-9999999999999999999999999999.9999999999
b,127,18446744073709551615,9223372036854775807,3.4028235e38,1.7976931348623157e308,false,9999-12-31,1969-12-31T23:59:59.999999,1969-12-31T23:59:59.999Z,2262-04-11T23:47:16.854775807,"a,""b""
c",AP8=,/////w==,0.0000000001
c,,,,,,,,,,,,,,
d,0,1,2,NaN,-Infinity,,0001-01-01,0001-01-01T00:00:00,9999-12-31T23:59:59.999Z,1970-01-01T00:00:00,  blanks	and tab ,"",,0
"e
2",1,1,1,0.1,0.1,true,2000-02-29,2000-02-29T12:00:00.5,2000-02-29T12:00:00Z,2000-02-29T12:00:00.000000001,null,bnVsbA==,YWJj,1
f,1,1,1,1e-45,1e300,true,2000-02-29,2000-02-29T12:00:00.5,2000-02-29T12:00:00Z,2000-02-29T12:00:00.000000001,"é 漢 😀 \t \\ '",bnVsbA==,YWJj,12345.6789
CSV
    sed -i 's,/////w==,////,' all.csv
    run_ok init
    run_ok table create all --schema schema.json
    run_ok ingest all all.csv
    run_ok count all
    expect_out_is 6
}

test_text_formats_round_trip_every_type() {
    make_all
    run_ok scan all -o csv
    cp "$work/out" whole.csv
    local format
    for format in csv tsv ndjson; do
        run_ok scan all -o "$format"
        expect_no_err
        cp "$work/out" "all.$format"
        run_ok table create "from_$format" --schema schema.json
        run_in "all.$format" ingest "from_$format" - --input-format "$format"
        expect_rc 0
        run_ok scan "from_$format" -o csv
        diff whole.csv "$work/out" || fail "$format did not round trip"
        # And by content and name alone.
        run_ok ingest "from_$format" "all.$format"
        run_ok count "from_$format"
        expect_out_is 12
    done
}

test_null_and_the_empty_string_stay_apart() {
    make_all
    run_ok count all --where "s IS NULL"
    expect_out_is 1
    run_ok count all --where "s = ''"
    expect_out_is 1
    run_ok count all --where "bin IS NULL"
    expect_out_is 2
    run_ok scan all --columns k,s --limit 1 -o csv
    expect_out_is 'k,s
a,""'
}

test_text_formats_print_what_the_contract_says() {
    make_all
    for format in csv tsv ndjson json markdown table; do
        run_ok scan all -o "$format"
        expect_no_err
        expect_golden "formats.$format"
    done
}

test_json_is_a_document_and_ndjson_one_a_line() {
    make_all
    run_ok scan all -o json
    cp "$work/out" all.json
    run_ok scan all -o ndjson
    cp "$work/out" all.ndjson
    python3 - >verdict 2>&1 <<'PYTHON' || fail "$(cat verdict)"
import json
document = json.load(open("all.json"))
lines = [json.loads(line) for line in open("all.ndjson")]
assert document == lines, (document, lines)
assert lines[1]["u64"] == 18446744073709551615 and lines[0]["i64"] == -9223372036854775808
assert lines[3]["f"] == "NaN" and lines[3]["d"] == "-Infinity" and lines[2]["s"] is None
PYTHON
    run_ok scan all --limit 0 -o json
    python3 -c 'import json; assert json.load(open("out")) == []' || fail "no rows are no document"
    run_ok scan all --limit 0 -o ndjson
    expect_out_is ""
}

test_arrow_and_parquet_are_read_by_pyarrow_with_types() {
    make_all
    run_ok scan all -o parquet
    cp "$work/out" all.parquet
    run_ok scan all -o parquet --output file.parquet
    run_ok scan all -o parquet --limit 0 --output none.parquet
    run_ok scan all -o arrow
    cp "$work/out" all.arrows
    run_ok scan all -o arrow --limit 0
    cp "$work/out" none.arrows
    python <<'PYTHON'
import datetime, decimal, math
import pyarrow as pa, pyarrow.ipc, pyarrow.parquet as pq
parquet, arrow = pq.read_table("all.parquet"), pa.ipc.open_stream("all.arrows").read_all()
def values(table):
    plain = table.set_column(table.schema.names.index("ns"), "ns", table["ns"].cast(pa.int64()))
    return repr(plain.to_pylist())
assert values(parquet) == values(pq.read_table("file.parquet")) == values(arrow)
for table in (parquet, arrow):
    types = {f.name: f.type for f in table.schema}
    want = {"k": pa.string(), "i8": pa.int8(), "u64": pa.uint64(), "i64": pa.int64(), "f": pa.float32(),
            "d": pa.float64(), "b": pa.bool_(), "day": pa.date32(), "ts": pa.timestamp("us"),
            "tz": pa.timestamp("ms", "UTC"), "ns": pa.timestamp("ns"), "s": pa.string(), "bin": pa.binary(),
            "fix": pa.binary(3), "dec": pa.decimal128(38, 10)}
    assert types == want, {n: (types[n], want[n]) for n in want if types[n] != want[n]}
    assert table.num_rows == 6
    column = lambda name: table[name].to_pylist()
    assert column("k") == ["a", "b", "c", "d", "e\n2", "f"]
    assert column("i8") == [-128, 127, None, 0, 1, 1]
    assert column("u64")[1] == 2**64 - 1 and column("i64")[:2] == [-2**63, 2**63 - 1]
    assert column("d")[0] == 5e-324 and math.isnan(column("f")[3]) and math.copysign(1, column("f")[0]) == -1
    assert column("s") == ["", 'a,"b"\nc', None, "  blanks\tand tab ", "null", "é 漢 😀 \\t \\\\ '"], column("s")
    assert column("bin")[:4] == [None, b"\0\xff", None, b""], column("bin")
    assert column("fix")[:2] == [b"\0\1\2", b"\xff\xff\xff"]
    assert column("dec")[1] == decimal.Decimal("0.0000000001")
    assert table["ns"].cast(pa.int64()).to_pylist()[:2] == [-2**63 + 1, 2**63 - 1], table["ns"].cast(pa.int64())
    assert column("day")[1] == datetime.date(9999, 12, 31)
assert pq.read_table("none.parquet").num_rows == 0 and pq.read_table("none.parquet").schema.names == parquet.schema.names
assert pa.ipc.open_stream("none.arrows").read_all().num_rows == 0
PYTHON
    run_ok table create again --schema schema.json
    run_ok ingest again all.parquet
    run_ok scan all
    cp "$work/out" first
    run_ok scan again
    diff first "$work/out" || fail "parquet did not round trip"
}

test_binary_formats_round_trip_through_pipes() {
    make_all
    run_ok scan all -o csv
    cp "$work/out" whole.csv
    local format
    for format in arrow parquet; do
        last="sleeper scan all -o $format | sleeper cat -"
        "$SLEEPER" scan all -o "$format" | "$SLEEPER" cat - >"$work/out" 2>"$work/err" || fail "cat of a pipe"
        diff whole.csv "$work/out" || fail "$format did not come back"
    done
    last="sleeper scan all -o csv | sleeper cat - --columns k --limit 2"
    "$SLEEPER" scan all -o csv | "$SLEEPER" cat - --columns k --limit 2 >"$work/out" 2>"$work/err" || fail "cat of CSV"
    expect_out_is 'k
a
b'
}

test_types_of_text_on_standard_input_come_from_its_first_rows() {
    unset SLEEPER_INSTANCE
    { echo n,s; seq 30000 | sed 's/.*/&,x/'; } >in.csv
    run_in in.csv cat - --where 'n > 29998' -o ndjson
    expect_rc 0
    expect_out_is '{"n":29999,"s":"x"}
{"n":30000,"s":"x"}'
    { seq 10001; echo x; } | sed '1i n' >late.csv
    run_in late.csv cat -
    expect_rc 1
    expect_err 'line 10003, column "n": "x"'
}

test_a_terminal_gets_a_table_and_a_pipe_csv() {
    make_all
    need_terminal
    last="script: sleeper scan all --columns k,i8"
    script -qec "stty cols 40; '$SLEEPER' scan all --columns k,i8 --limit 2" /dev/null </dev/null >"$work/out" 2>&1
    tr -d '\r' <"$work/out" >table
    cp table "$work/out"
    expect_no_out 'k,i8'
    expect_out '-128'
    expect_out '2 rows'
    run_ok scan all --columns k,i8 --limit 2
    expect_out_is 'k,i8
a,-128
b,127'
}

test_lines_on_a_terminal_are_cut_to_its_width() {
    make_all
    need_terminal
    last="script: sleeper scan all"
    script -qec "stty cols 40; '$SLEEPER' scan all" /dev/null </dev/null >"$work/out" 2>&1
    tr -d '\r' <"$work/out" >table
    expect_true test -s table
    python3 - >verdict 2>&1 <<'PYTHON' || fail "$(cat verdict)"
import unicodedata
wide = lambda s: sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in s)
for line in open("table", encoding="utf-8").read().split("\n"):
    assert wide(line) <= 40, (wide(line), line)
PYTHON
}

test_binary_formats_are_not_written_to_a_terminal() {
    make_all
    need_terminal
    for format in arrow parquet; do
        rc=0
        script -qec "'$SLEEPER' scan all -o $format" /dev/null </dev/null >"$work/out" 2>&1 || rc=$?
        expect_rc 2
        expect_out 'is no text for a terminal; give --output FILE or a pipe'
    done
}

test_output_appears_whole_or_not_at_all() {
    make_all
    echo before >answer.csv
    run scan all --where 'nothing = 1' --output answer.csv
    expect_rc 2
    expect_true test "$(cat answer.csv)" = before
    run scan all --max-rows 2 --output answer.csv
    expect_rc 9
    expect_true test "$(cat answer.csv)" = before
    expect_true test "$(find . -maxdepth 1 -name '.answer*')" = ""
    run_ok scan all --output answer.csv
    expect_out_is ""
    run_ok scan all
    expect_true cmp answer.csv "$work/out"
    run scan all --output nowhere/answer.csv
    expect_rc 4
    expect_err nowhere
    run_ok scan all --output -
    expect_true cmp answer.csv "$work/out"
}

test_no_header_leaves_the_names_out() {
    make_all
    run_ok scan all --columns k,i8 --limit 1 --no-header
    expect_out_is 'a,-128'
    run_ok scan all --columns k,i8 --limit 1 --no-header -o tsv
    expect_out_is "a	-128"
    run_ok table list --no-header --where "name = 'none'"
    expect_out_is ""
}

test_a_reader_that_leaves_early_is_no_error() {
    run_ok init
    run_ok table create f --like "$DATA/flights-next.parquet" --row-key origin
    run_ok ingest f "$DATA/flights-next.parquet"
    local format codes
    for format in csv ndjson json parquet arrow table; do
        last="sleeper scan f -o $format | head -c 10"
        "$SLEEPER" scan f -o "$format" 2>"$work/err" | head -c 10 >/dev/null
        codes="${PIPESTATUS[*]}"
        expect_true test "$codes" = "0 0"
        expect_no_err
    done
    "$SLEEPER" help 2>"$work/err" | true
    expect_true test "${PIPESTATUS[0]}" = 0
    expect_no_err
}

test_a_full_device_is_an_error() {
    [ -c /dev/full ] || skip "no /dev/full"
    make_all
    rc=0
    "$SLEEPER" scan all >/dev/full 2>"$work/err" || rc=$?
    expect_true test "$rc" -ne 0
    expect_err "no space left on device"
    [ "$(wc -l <"$work/err")" -eq 1 ] || fail "expected one line"
}

run_tests
