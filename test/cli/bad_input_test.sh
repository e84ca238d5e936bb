# Bad input: one clear message with the object, the place, what was expected and what to do; nothing changes.
. "$(dirname "$0")/lib.sh"

: "${SLEEPER_TEST_DATA:=$REPO/../shared/data}"

# A table of three rows; types that reading can fail for.
setup_table() {
    cat >schema.json <<'JSON'
{"fields":[{"name":"key","type":"string"},{"name":"n","type":"int64"},
           {"name":"value","type":"double","nullable":true}],
 "rowKey":["key"],"sortKey":["n"]}
JSON
    printf 'key,n,value\na,1,0.5\nb,2,\nc,3,1e300\n' >good.csv
    run_ok init
    run_ok table create t --schema schema.json
    run_ok ingest t good.csv
}

# bad CODE TEXT ARGS...: refused with one message that holds TEXT (several, divided by |), and nothing changes.
bad() {
    local code=$1 texts=$2 text
    shift 2
    unchanged instance run "$@"
    expect_rc "$code"
    expect_one_message
    while IFS= read -r text; do
        expect_err "$text"
    done < <(tr '|' '\n' <<<"$texts")
    [ ! -d instance ] || expect_no_leftovers
}

expect_no_leftovers() {
    local found
    found=$(find instance -name '.tmp*')
    [ -z "$found" ] || fail "left behind: $found"
}

expect_three_rows() {
    run_ok count t
    expect_out_is 3
}

# ---- Files ----

test_a_missing_file_is_named() {
    setup_table
    bad 4 '"nowhere.csv"' ingest t nowhere.csv
    bad 4 '"nowhere/*.csv"' ingest t 'nowhere/*.csv'
    expect_three_rows
}

test_one_missing_file_of_many_stops_all() {
    setup_table
    bad 4 '"nowhere.csv"' ingest t good.csv nowhere.csv
    expect_three_rows
}

test_an_empty_folder_is_no_input() {
    setup_table
    mkdir empty
    bad 4 '"empty"' ingest t empty
    expect_three_rows
}

test_a_file_that_is_no_parquet_is_named() {
    setup_table
    head -c 4096 /dev/urandom >noise.parquet
    bad 8 'noise.parquet|parquet' ingest t noise.parquet --input-format parquet
    : >empty.parquet
    bad 8 'empty.parquet' ingest t empty.parquet --input-format parquet
    expect_three_rows
}

test_a_truncated_parquet_file_is_named() {
    setup_table
    local size
    size=$(stat -c %s "$DATA/flights-next.parquet")
    for cut in 1 8 5000 $((size / 2)); do
        head -c $((size - cut)) "$DATA/flights-next.parquet" >cut.parquet
        bad 8 'cut.parquet' ingest t cut.parquet
    done
    head -c 3 "$DATA/flights-next.parquet" >cut.parquet
    bad 8 'cut.parquet' ingest t cut.parquet --input-format parquet
    expect_three_rows
}

test_a_damaged_page_is_named_with_its_column() {
    run_ok init
    run_ok table create f --like "$DATA/flights-next.parquet" --row-key origin --sort-key date
    cp "$DATA/flights-next.parquet" damaged.parquet
    chmod u+w damaged.parquet
    printf '\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377' |
        dd of=damaged.parquet bs=1 seek=60000 conv=notrunc status=none
    unchanged instance run ingest f damaged.parquet
    expect_rc 8
    expect_one_message
    expect_err damaged.parquet
    expect_err column
    run_ok count f
    expect_out_is 0
}

test_unsupported_parquet_features_are_refused_by_name() {
    [ -d "$SLEEPER_TEST_DATA/parquet-testing/data" ] || skip "no parquet-testing at SLEEPER_TEST_DATA"
    local data=$SLEEPER_TEST_DATA/parquet-testing/data
    run_ok init
    for case in 'nested_lists.snappy.parquet:which keys do not take' \
        'nested_maps.snappy.parquet:which keys do not take' \
        encrypt_columns_and_footer.parquet.encrypted:encrypted; do
        local file=${case%%:*}
        bad 1 "$file|${case##*:}" table create t --like "$data/$file" --row-key a
    done
}

test_encrypted_files_are_refused_by_footer_or_column() {
    [ -d "$SLEEPER_TEST_DATA/parquet-testing/data" ] || skip "no parquet-testing at SLEEPER_TEST_DATA"
    local file
    for file in "$SLEEPER_TEST_DATA"/parquet-testing/data/*.encrypted; do
        run cat "$file" -o parquet --output copy.parquet
        expect_rc 1
        expect_err "encryption are not supported"
        case $file in
        *plaintext_footer*) expect_err 'column "float_field": encrypted' ;;
        *) expect_err "the footer is encrypted" ;;
        esac
        expect_true test ! -e copy.parquet
    done
}

test_a_missing_column_is_named_with_the_nearest() {
    setup_table
    printf 'key,m,value\nx,1,1\n' >missing.csv
    bad 1 'missing.csv|"n"' ingest t missing.csv
    printf 'Key,n,value\nx,1,1\n' >near.csv
    bad 1 'near.csv|"key"|"Key"' ingest t near.csv
    python missing.parquet <<'PYTHON'
import sys, pyarrow as pa, pyarrow.parquet as pq
pq.write_table(pa.table({"key": ["x"], "value": [1.0]}), sys.argv[1])
PYTHON
    bad 1 'missing.parquet|"n"' ingest t missing.parquet
    expect_three_rows
}

test_a_column_of_another_type_is_named_with_both_types() {
    setup_table
    python type.parquet <<'PYTHON'
import sys, pyarrow as pa, pyarrow.parquet as pq
pq.write_table(pa.table({"key": ["x"], "n": ["one"], "value": [1.0]}), sys.argv[1])
PYTHON
    bad 1 'type.parquet|"n"|string|int64' ingest t type.parquet
    expect_three_rows
}

test_null_in_a_key_is_named_with_row_and_column() {
    setup_table
    printf 'key,n,value\nx,1,1\n,2,2\n' >null.csv
    bad 1 'null.csv|line 3|"key"' ingest t null.csv
    printf '{"key":"x","n":1,"value":1}\n{"key":null,"n":2,"value":1}\n' >null.ndjson
    bad 1 'null.ndjson|line 2|"key"' ingest t null.ndjson
    printf '{"key":"x","n":1,"value":1}\n{"n":2,"value":1}\n' >absent.ndjson
    bad 1 'absent.ndjson|line 2|"key"' ingest t absent.ndjson
    python null.parquet <<'PYTHON'
import sys, pyarrow as pa, pyarrow.parquet as pq
pq.write_table(pa.table({"key": ["x", None], "n": [1, 2], "value": [1.0, 2.0]}), sys.argv[1])
PYTHON
    bad 1 'null.parquet|"key"' ingest t null.parquet
    expect_three_rows
}

test_a_wrong_number_of_fields_names_line_and_counts() {
    setup_table
    printf 'key,n,value\nx,1,1\ny,2\n' >few.csv
    bad 1 'few.csv|line 3|2|3' ingest t few.csv
    printf 'key,n,value\nx,1,1,1\n' >many.csv
    bad 1 'many.csv|line 2|4|3' ingest t many.csv
    printf 'key,n,value\n"x\n\ny",1,1\nz,2\n' >lines.csv
    bad 1 'lines.csv|line 5' ingest t lines.csv
    expect_three_rows
}

test_a_number_that_does_not_parse_names_line_and_column() {
    setup_table
    printf 'key,n,value\nx,1,1\ny,two,2\n' >word.csv
    bad 1 'word.csv|line 3|"n"|two|int64' ingest t word.csv
    printf 'key,n,value\nx,9223372036854775808,1\n' >large.csv
    bad 1 'large.csv|line 2|"n"|9223372036854775808' ingest t large.csv
    printf 'key,n,value\nx,1.5,1\n' >fraction.csv
    bad 1 'fraction.csv|line 2|"n"|1.5' ingest t fraction.csv
    printf '{"key":"x","n":1,"value":1}\n{"key":"y","n":1.5,"value":1}\n' >fraction.ndjson
    bad 1 'fraction.ndjson|line 2|"n"|1.5' ingest t fraction.ndjson
    printf 'key\tn\tvalue\nx\tone\t1\n' >word.tsv
    bad 1 'word.tsv|line 2|"n"|one' ingest t word.tsv
    expect_three_rows
}

test_an_open_quote_and_broken_json_are_named_with_their_line() {
    setup_table
    printf 'key,n,value\n"x,1,1\n' >quote.csv
    bad 1 'quote.csv|line 2' ingest t quote.csv
    printf '{"key":"x","n":1,"value":1}\n{"key":"y","n":\n' >broken.ndjson
    bad 1 'broken.ndjson|line 2' ingest t broken.ndjson
    printf '{"key":"x","n":1,"value":1,"more":2}\n' >more.ndjson
    run ingest t more.ndjson
    expect_true test "$rc" -le 1
}

test_bytes_that_are_no_utf8_are_named() {
    setup_table
    printf 'key,n,value\nx\377,1,1\n' >latin.csv
    bad 1 'latin.csv|line 2|"key"|UTF-8' ingest t latin.csv
}

test_a_bad_row_behind_many_good_ones_stops_all() {
    setup_table
    {
        echo key,n,value
        seq 200000 | sed 's/.*/k&,&,1/'
        echo bad,row
    } >long.csv
    bad 1 'long.csv|line 200002' ingest t long.csv --memory 16MiB
    expect_three_rows
}

test_standard_input_is_named_too() {
    setup_table
    printf 'key,n,value\nx,one,1\n' >word.csv
    before=$(fingerprint instance)
    run_in word.csv ingest t -
    expect_rc 1
    expect_one_message
    expect_err 'standard input'
    expect_err 'line 2'
    expect_true test "$(fingerprint instance)" = "$before"
}

test_an_unknown_format_suggests_the_nearest() {
    setup_table
    bad 2 'parqet|parquet' ingest t good.csv --input-format parqet
    bad 2 'jsno|json' -o jsno scan t
}

# ---- Instances and tables ----

test_an_instance_that_is_not_there_tells_how_to_make_one() {
    bad 4 'instance|init' table list
    bad 4 'instance|init' scan t
    mkdir instance
    bad 4 'instance|init' table list
    printf x >file
    run -I file table list
    expect_one_message
    expect_true test "$rc" -ne 0
    expect_true test ! -e instance/sleeper.json
}

test_an_instance_that_exists_is_not_made_again() {
    setup_table
    bad 5 'instance' init
    expect_three_rows
}

test_an_instance_of_a_newer_format_is_refused_by_name() {
    setup_table
    sed -E 's/("(format|layout|version)": *)[0-9]+/\199/' -i instance/sleeper.json
    grep -q 99 instance/sleeper.json || fail "sleeper.json has no version to change: $(cat instance/sleeper.json)"
    bad 1 'sleeper.json|99|newer' count t
    bad 1 'sleeper.json|99|newer' ingest t good.csv
}

test_a_damaged_instance_file_is_named() {
    setup_table
    head -c 10 instance/sleeper.json >half
    cp half instance/sleeper.json
    bad 8 'sleeper.json' count t
}

test_an_instance_elsewhere_is_refused_by_name() {
    bad 1 's3://' -I s3://bucket/prefix table list
    bad 1 '"ftp"|file:///' -I ftp://host/x table list
}

test_a_table_that_exists_is_not_made_again() {
    setup_table
    bad 5 'table "t"' table create t --schema schema.json
    expect_three_rows
}

test_a_table_that_does_not_exist_is_named_with_the_nearest() {
    setup_table
    run_ok table create flights --schema schema.json
    for words in "scan flihgts" "count flihgts" "get flihgts x" "ingest flihgts good.csv" "compact flihgts" \
        "file list flihgts" "partition list flihgts" "log flihgts" "status flihgts" "check flihgts" \
        "split flihgts" "gc flihgts" "table describe flihgts" "job list flihgts" "partition split-points flihgts"; do
        # shellcheck disable=SC2086
        bad 4 'table "flihgts"|"flights"' $words
    done
}

test_a_bad_table_name_is_refused() {
    setup_table
    bad 2 '1t' table create 1t --schema schema.json
    bad 2 'a/b' table create a/b --schema schema.json
    bad 2 'name' table create '' --schema schema.json
}

test_a_schema_that_makes_no_sense_is_refused_with_its_place() {
    run_ok init
    printf '{"fields":[{"name":"a","type":"strnig"}],"rowKey":["a"]}' >type.json
    bad 2 'strnig|string' table create t --schema type.json
    printf '{"fields":[{"name":"a","type":"string"}],"rowKey":["b"]}' >key.json
    bad 2 '"b"' table create t --schema key.json
    printf '{"fields":[' >half.json
    bad 2 'line 1' table create t --schema half.json
    bad 4 'nowhere.json' table create t --schema nowhere.json
    bad 2 'orgin|origin' table create t --like "$DATA/flights-next.parquet" --row-key orgin
    bad 2 '--like needs --row-key' table create t --like "$DATA/flights-next.parquet"
    bad 2 'either --schema FILE or --like FILE' table create t
    bad 2 '' table create t --schema type.json --like "$DATA/flights-next.parquet"
    run_ok table list
    expect_out_lines 1
}

test_split_points_out_of_order_or_type_are_refused_with_their_line() {
    run_ok init
    printf '{"fields":[{"name":"a","type":"int32"}],"rowKey":["a"]}' >schema.json
    printf '1\n5\n3\n' >order.txt
    bad 2 'split point' table create t --schema schema.json --split-points order.txt
    printf '1\n1\n' >twice.txt
    bad 2 'split point' table create t --schema schema.json --split-points twice.txt
    printf '1\nx\n' >type.txt
    bad 2 'line 2|x|int32' table create t --schema schema.json --split-points type.txt
    bad 4 'nowhere.txt' table create t --schema schema.json --split-points nowhere.txt
}

# ---- Permissions and space ----

as_nobody() {
    [ "$(id -u)" = 0 ] || skip "needs root, to become somebody else"
    command -v setpriv >/dev/null || skip "setpriv is not installed"
    last="as nobody: sleeper $*"
    rc=0
    setpriv --reuid=65534 --regid=65534 --clear-groups "$SLEEPER" "$@" >"$work/out" 2>"$work/err" </dev/null || rc=$?
}

test_a_folder_without_permission_is_named() {
    setup_table
    chmod 755 "$work"
    mkdir -m 700 locked
    mkdir -m 755 readonly
    as_nobody version
    [ "$rc" = 0 ] || skip "the program cannot be run by nobody here"
    as_nobody -I locked/instance init
    expect_rc 7
    expect_one_message
    expect_err locked
    as_nobody -I readonly/instance init
    expect_rc 7
    expect_one_message
    expect_err readonly
    before=$(fingerprint instance)
    as_nobody ingest t good.csv
    expect_rc 7
    expect_one_message
    expect_err instance
    expect_true test "$(fingerprint instance)" = "$before"
    as_nobody count t
    expect_rc 0
    expect_out_is 3
    chmod 600 good.csv
    as_nobody ingest t good.csv
    expect_rc 7
    expect_one_message
    expect_err good.csv
    chmod -R go= instance
    as_nobody count t
    expect_rc 7
    expect_one_message
    as_nobody scan t --output readonly/x.csv
    expect_rc 7
}

test_a_full_disk_is_named_and_leaves_nothing() {
    [ "$(id -u)" = 0 ] || skip "needs root, to mount a small tmpfs"
    mkdir small
    mount -t tmpfs -o size=3m tmpfs small 2>/dev/null || skip "tmpfs cannot be mounted here"
    trap 'umount "$work/small" 2>/dev/null || true' EXIT
    export SLEEPER_INSTANCE=$work/small/instance
    run_ok init
    run_ok table create f --like "$DATA/flights-next.parquet" --row-key origin --sort-key date
    run_ok ingest f "$DATA/flights-next.parquet"
    head -c $((2400 * 1024)) /dev/zero >small/ballast
    before=$(fingerprint small)
    run ingest f "$DATA/flights-slice.parquet"
    expect_rc 9
    expect_one_message
    expect_err "no space left on device"
    expect_true test "$(fingerprint small)" = "$before"
    run_ok count f
    expect_out_is 33791
    rm small/ballast
    run_ok check f
    umount small
}

run_tests
