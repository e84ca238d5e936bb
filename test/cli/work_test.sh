# Work: what is due and why, jobs that several processes share, workers, and stopping them.
. "$(dirname "$0")/lib.sh"

make_runs() {
    run_ok init
    printf 'k,v\na,1\nb,2\n' >rows.csv
    run_ok table create t --like rows.csv --row-key k
    for _ in $(seq "$1"); do run_ok ingest t rows.csv; done
}

test_a_dry_run_tells_each_job_and_each_partition_left_alone_and_changes_nothing() {
    make_runs 3
    before=$(fingerprint instance)
    run_ok compact t --dry-run
    expect_out 'action,partition,from,to,runs,files,rows,bytes,held,why'
    run_ok compact t --dry-run --columns action,partition,runs,files,rows,held,why --no-header
    expect_out_is 'leave,0,3,,6,0,each run is too large for those that are smaller'
    run_ok compact t --all --dry-run -o json
    expect_out '"action":"merge"'
    expect_out '"why":"all runs become one"'
    run_ok compact t --dry-run --strategy basic --columns action,why
    expect_out 'leave,fewer runs than a job takes'
    run_ok compact t --dry-run --strategy basic --where "action <> 'leave'" --no-header
    expect_out_is ''
    [ "$(fingerprint instance)" = "$before" ] || fail "a dry run changed something"
}

test_the_property_names_the_strategy_and_an_unknown_one_is_refused() {
    make_runs 4
    run_ok compact t --dry-run --columns action
    expect_out merge
    run_ok table set t compaction.strategy.class=BasicCompactionStrategy
    run_ok compact t --dry-run --columns action,why
    expect_out 'leave,fewer runs than a job takes'
    run_ok table set t compaction.files.batch.size=4
    run_ok compact t
    expect_err '1 job run, 8 rows; files: 4 before, 1 after'
    run compact t --strategy largest
    expect_rc 2
    expect_err 'expected size-ratio, basic, leveled or time-window'
}

test_jobs_that_are_made_only_are_run_by_the_next_process() {
    make_runs 4
    run_ok compact t --make-only
    expect_err '1 job made'
    run_ok job list t --columns kind,state --no-header
    expect_out_is 'compact,waiting'
    run_ok compact t --dry-run --columns action,held,why
    expect_out 'leave,4,open jobs hold all of it'
    run_ok worker --once
    expect_err '1 job run'
    run_ok job list t --no-header
    expect_out_is ''
    run_ok count t
    expect_out_is 8
}

test_workers_leave_offline_and_paused_tables_alone_and_compact_says_so() {
    make_runs 4
    run_ok table offline t --yes
    run_ok worker --once
    expect_err '0 jobs run'
    run_ok compact t
    expect_err 'is offline'
    expect_err '1 job run'
    run_ok table online t
    for _ in 1 2 3; do run_ok ingest t rows.csv; done
    run_ok table pause t --yes
    run_ok worker --once
    expect_err '0 jobs run'
    run compact t --all
    expect_err 'the table is paused'
    [ "$rc" != 0 ] || fail "a paused table was compacted"
}

test_progress_is_told_as_records_when_asked_and_quiet_says_nothing() {
    make_runs 4
    run_ok compact t --progress json
    expect_err '"jobs":1,"jobs_due":1,"rows":8,"rows_due":8}'
    expect_out_is ''
    for _ in 1 2 3 4; do run_ok ingest t rows.csv; done
    run_ok compact t --all -q
    expect_no_err
}

test_several_processes_share_the_jobs_and_lose_no_row() {
    run_ok init
    seq 1 400 | awk 'BEGIN { print "k,v" } { printf "k%03d,%d\n", $1, $1 }' >rows.csv
    seq 10 10 390 | awk '{ printf "k%03d\n", $1 }' >points.txt
    run_ok table create t --like rows.csv --row-key k --split-points points.txt
    for _ in 1 2 3 4; do run_ok ingest t rows.csv; done
    for i in 1 2 3; do "$SLEEPER" compact t --all >/dev/null 2>"err.$i" & done
    wait
    run_ok compact t --all
    run_ok job list t --no-header
    expect_out_is ''
    run_ok partition list t --columns files --no-header
    [ "$(sort -u "$work/out")" = 1 ] || fail "a partition has several files"
    run_ok count t
    expect_out_is 1600
    run_ok check t
    jobs=$(cat err.* | sed -n 's/^\([0-9]*\) jobs\{0,1\} run.*/\1/p' | awk '{ n += $1 } END { print n }')
    [ "$jobs" -le 40 ] || fail "work was done twice: $jobs jobs over 40 partitions"
}

# What frames there are, to see that a job was assigned.
frames() {
    ls instance/t/*/log | wc -l
}

test_an_interrupt_ends_the_job_in_the_log_and_leaves_nothing_behind() {
    run_ok init
    awk 'BEGIN { print "k,v"; for (i = 0; i < 150000; i++) printf "k%06d,%d\n", (i * 7919) % 150000, i }' >rows.csv
    run_ok table create t --like rows.csv --row-key k
    for _ in 1 2 3 4; do run_ok ingest t rows.csv; done
    files=$(find instance -name '*.parquet' | wc -l)
    count=$(frames)
    "$SLEEPER" compact t --threads 1 >out.txt 2>err.txt &
    pid=$!
    for _ in $(seq 500); do
        [ "$(frames)" -gt "$count" ] && break
        sleep 0.01
    done
    kill -INT $pid
    rc=0
    wait $pid || rc=$?
    cp err.txt "$work/err"
    [ "$rc" != 0 ] || skip "it was done before the signal came"
    expect_err cancelled
    run_ok job list t --no-header
    expect_out_is ''
    [ "$(find instance -name '*.parquet' | wc -l)" = "$files" ] || fail "a file was left behind"
    run_ok count t
    expect_out_is 600000
}

test_a_worker_and_a_committer_end_cleanly_when_they_are_told_to() {
    make_runs 4
    for what in "worker --interval 1s" "worker --commit"; do
        # shellcheck disable=SC2086
        "$SLEEPER" $what >/dev/null 2>err.txt &
        pid=$!
        sleep 1
        kill -TERM $pid
        rc=0
        wait $pid || rc=$?
        cp err.txt "$work/err"
        [ "$rc" = 0 ] || fail "$what ended with $rc"
    done
    expect_err 'packed'
    run_ok file list t --no-header
    expect_out_lines 1
}

test_too_many_runs_refuse_an_ingest_and_say_what_to_do() {
    make_runs 1
    run_ok table set t backpressure.depth.soft=2 backpressure.depth.hard=2 backpressure.delay.max=0s
    run_ok ingest t rows.csv
    run ingest t rows.csv
    expect_err 'backpressure.depth.hard is 2'
    expect_err 'sleeper compact t'
    run_ok count t
    expect_out_is 4
    run_ok compact t --all
    run_ok ingest t rows.csv
}

run_tests
