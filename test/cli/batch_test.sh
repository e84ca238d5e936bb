# The batcher: files that are submitted wait in the log, are ingested together, and once.
. "$(dirname "$0")/lib.sh"

begin() {
    run_ok init
    printf 'k,v\na,1\nb,2\n' >a.csv
    printf 'k,v\nc,3\n' >b.csv
    run_ok table create t --like a.csv --row-key k
}

test_files_wait_until_enough_of_them_do_and_a_dry_run_says_why_not() {
    begin
    run_ok ingest t --batch a.csv
    expect_err '1 file submitted, 12 bytes; 0 waited already'
    run_ok ingest t --run-batches --dry-run --columns action,files,why --no-header
    expect_out 'wait,1,"1 of 1 files, 12 of 1073741824 bytes'
    run_ok ingest t --run-batches
    expect_err '0 batches run'
    run_ok table set t ingest.batcher.job.min.size=1 ingest.batcher.job.min.files=2
    run_ok ingest t --batch ./a.csv b.csv
    expect_err '2 files submitted, 20 bytes; 1 waited already'
    run_ok ingest t --run-batches --dry-run --columns action,files,why --no-header
    expect_out_is 'run,2,2 files and 20 bytes wait'
    run_ok ingest t --run-batches
    expect_err '2 files ingested, 3 rows'
    expect_err '1 batch run, 2 files, 3 rows'
    run_ok count t
    expect_out_is 3
    run_ok job list t --no-header
    expect_out_is ''
    run_ok job list t --kind ingest --all --columns kind,state,inputs,attempt --no-header
    expect_out_is 'ingest,done,2,1'
    run_ok check t
}

test_a_worker_runs_what_is_due_as_jobs_of_at_most_so_many_files() {
    begin
    cp a.csv c.csv
    run_ok table set t ingest.batcher.job.min.size=1 ingest.batcher.job.max.files=2
    run_ok ingest t --batch a.csv b.csv c.csv --token monday
    run_ok ingest t --batch a.csv b.csv c.csv --token monday
    expect_err 'nothing to do: token "monday" was committed at sequence'
    run_ok worker --once
    expect_err 't: batch '
    expect_err '2 jobs run'
    run_ok job list t --all --columns inputs --no-header
    expect_out_is '2
1'
    run_ok count t
    expect_out_is 5
}

test_a_missing_file_is_named_tried_again_alone_and_given_up_and_keeps_no_other() {
    begin
    run_ok ingest t --batch a.csv b.csv
    rm b.csv
    run ingest t --run-batches --all
    expect_rc 4
    expect_err 'b.csv": no such file or directory'
    expect_err '1 file ingested, 2 rows'
    run_ok count t
    expect_out_is 2
    run_ok job list t --columns kind,state,path --no-header
    expect_out "ingest,waiting,"
    expect_out "/b.csv"
    run_ok job list t --columns id --no-header
    run_ok job show t "$(cat "$work/out")"
    expect_out 'failures,1'
    expect_out 'no such file or directory'
    run_ok ingest t --run-batches
    run ingest t --run-batches --all
    expect_rc 4
    run ingest t --run-batches --all
    expect_rc 4
    run_ok ingest t --run-batches --all
    run_ok ingest t --run-batches --dry-run --columns action,why --no-header
    expect_out 'given up,"failed 3 times'
    printf 'k,v\nc,3\n' >b.csv
    run_ok ingest t --batch b.csv
    run_ok ingest t --run-batches --all
    run_ok count t
    expect_out_is 3
}

test_what_waits_is_taken_back_and_what_does_not_go_together_is_refused() {
    begin
    run_ok ingest t --batch a.csv b.csv
    run_ok ingest t --withdraw b.csv
    expect_err '1 file taken back'
    run ingest t --withdraw b.csv
    expect_rc 4
    expect_err 'does not wait'
    run ingest t --batch missing.csv
    expect_rc 4
    run ingest t --batch -
    expect_rc 2
    expect_err 'standard input cannot wait'
    for words in "--batch --run-batches" "--batch a.csv --on-error quarantine" "--batch a.csv --quarantine q" \
        "--batch a.csv --file-strategy auto" "--run-batches --input-format csv" "--batch a.csv --input-format json5" \
        "--batch a.csv --row-kind-column v" "--batch a.csv --max-errors 3" "--run-batches a.csv" "" "--all a.csv"; do
        # shellcheck disable=SC2086
        run ingest t $words
        expect_rc 2
    done
    run_ok ingest t --batch b.csv --dry-run
    expect_err '1 file, 8 bytes, would be submitted; 0 wait already'
    run_ok job list t --columns state --no-header
    expect_out_is waiting
}

test_files_are_read_as_they_were_submitted() {
    begin
    printf 'k\tv\top\na\t5\tdelete\nd\tx\tput\ne\t7\tupsert\nf\t8\t\n' >changes
    run_ok ingest t a.csv
    run_ok ingest t --batch b.csv
    run_ok ingest t --batch changes --input-format tsv --row-kind-column op --on-error skip --max-errors 2
    run_ok job show t "$("$SLEEPER" job list t --columns id --no-header | tail -1)"
    expect_out 'format,tsv'
    expect_out 'row_kinds,op'
    expect_out 'bad_rows,skip'
    expect_out 'max_errors,2'
    run_ok ingest t --run-batches --all
    expect_err '1 file ingested, 1 row'
    expect_err '1 file ingested, 2 rows, 2 bad rows left out'
    run_ok scan t --no-header
    expect_out_is 'b,2
c,3
f,8'
    run_ok ingest t --batch changes --input-format tsv --row-kind-column op --on-error skip --max-errors 1
    run ingest t --run-batches --all
    expect_rc 1
    expect_err 'more than 1 bad row; the first that was met: '
}

test_a_paused_table_collects_files_and_ingests_none() {
    begin
    run_ok table pause t
    run_ok ingest t --batch a.csv
    run ingest t --run-batches --all
    expect_rc 5
    expect_err 'the table is paused'
    run_ok worker --once
    run_ok table resume t
    run_ok ingest t --run-batches --all
    run_ok count t
    expect_out_is 2
}

# A batch large enough to be met at work, submitted.
begin_large() {
    run_ok init
    awk 'BEGIN { print "k,v"; for (i = 0; i < 120000; i++) printf "k%06d,%d\n", (i * 7919) % 120000, i }' >rows.csv
    run_ok table create t --like rows.csv --row-key k
    run_ok table set t ingest.batcher.job.min.size=1
    run_ok ingest t --batch rows.csv
}

# Start a command and signal it as soon as its batch is taken.
signal_at_work() {
    signal=$1
    shift
    count=$(ls instance/t/*/log | wc -l)
    python3 -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])' "$SLEEPER" "$@" >out.txt 2>err.txt &
    pid=$!
    for _ in $(seq 1000); do
        [ "$(ls instance/t/*/log | wc -l)" -gt "$count" ] && break
        sleep 0.01
    done
    kill "-$signal" $pid
    rc=0
    wait $pid || rc=$?
    cp err.txt "$work/err"
}

test_an_interrupt_leaves_the_files_free_and_nothing_behind() {
    begin_large
    signal_at_work INT ingest t --run-batches --threads 1
    [ "$rc" != 0 ] || skip "it was done before the signal came"
    run_ok job list t --columns state --no-header
    expect_out_is waiting
    [ "$(find instance -name '*.parquet' | wc -l)" = 0 ] || fail "it left a file behind"
}

test_a_batch_whose_worker_was_killed_is_ingested_once_by_another() {
    begin_large
    signal_at_work KILL worker --once --threads 1
    run_ok count t
    [ "$(cat "$work/out")" = 0 ] || skip "it was done before the signal came"
    run_ok job list t --columns kind,state --no-header
    expect_out_is 'ingest,running'
    run_ok worker --once
    expect_err '0 jobs run'
    run_ok gc t --min-age 0s
    run_ok worker --once
    expect_err '1 file ingested, 120000 rows'
    run_ok count t
    expect_out_is 120000
    run_ok job list t --kind ingest --all --columns state --no-header
    expect_out_is 'failed
done'
    run_ok check t
}

test_workers_collect_what_is_left_of_dropped_tables() {
    begin
    run_ok ingest t a.csv
    run_ok table drop t --yes
    run_ok worker --once
    expect_err '0 objects collected'
    run_ok instance set gc.delay.minutes=0
    run_ok worker --once
    expect_err 'objects of dropped tables collected'
    [ "$(find instance -name '*.parquet' | wc -l)" = 0 ] || fail "rows of a dropped table are there"
}

run_tests
