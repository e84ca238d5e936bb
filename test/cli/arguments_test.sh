# What is typed: commands, options, help, the manual page; every mistake is named with what would be right.
. "$(dirname "$0")/lib.sh"

# The command words and option names as the program's own tables have them.
commands() {
    "$SLEEPER" help | sed -n '/^Commands$/,/^$/s/^  \([a-z-]*\( [a-z-]*\)\?\)  .*/\1/p'
}

refused() {
    local message=$1
    shift
    run "$@"
    expect_rc 2
    expect_one_message
    expect_err "$message"
}

test_an_unknown_command_suggests_the_nearest() {
    refused 'unknown command "ingset"; did you mean "ingest"?' ingset
    refused 'did you mean "table create"?' table crate t
    refused 'did you mean "partition split-points"?' partition split-point t
    refused 'unknown command "frobnicate"; see: sleeper help' frobnicate
}

test_a_noun_without_its_verb_lists_the_verbs() {
    refused '"table" needs one more word: create, list, describe, properties' table
    refused '"partition" needs one more word: list, show, split, merge, split-points' help partition
}

test_an_unknown_option_suggests_the_nearest() {
    refused 'unknown option --lmit; did you mean --limit?' scan t --lmit 3
    refused 'unknown option --frobnicate; see: sleeper help' scan t --frobnicate
    refused 'unknown option -z; see: sleeper help' scan t -z
    refused 'unknown option --version; there is a command: sleeper version' --version
}

test_an_option_of_another_command_is_refused() {
    refused '"count" takes no option --limit; see: sleeper help count' count t --limit 3
    refused '"table list" takes no option --from; see: sleeper help table list' table list --from 3
}

test_names_of_options_are_never_abbreviated() {
    refused 'unknown option --lim' scan t --lim 3
}

test_missing_and_superfluous_arguments_are_named_with_the_right_form() {
    refused '"scan" needs an argument: sleeper scan NAME' scan
    refused '"ingest" needs more arguments: sleeper ingest NAME INPUT...' ingest t
    refused '"scan" takes no argument "b": sleeper scan NAME' scan a b
    refused 'option --limit needs a value: --limit N' scan t --limit
    refused 'option --quiet takes no value' version --quiet=yes
}

test_values_that_make_no_sense_are_refused() {
    run_ok init
    refused '--limit "ten" is no whole number' scan t --limit ten
    refused '--limit "-1" is no whole number' scan t --limit -1
    refused '--memory "lots" is no size; write bytes, or 128MB, 2GiB' scan t --memory lots
    refused '--memory takes at least 16MiB' scan t --memory 1KB
    refused '--threads takes 1 to 256' scan t --threads 0
    refused '--threshold takes at least 1' split t --threshold 0
    refused '--max-rows takes at least 1' scan t --max-rows 0
    refused '--max-bytes takes at least 1' count t --max-bytes 0
    refused '--token "" is no name' ingest t x --token ''
    refused '--min-age "soon" is no duration; write 90s, 30m, 12h or 7d' gc --min-age soon
    refused '--on-error ignore is not known; expected fail, skip or quarantine' ingest t x --on-error ignore
    refused '--param "x": expected NAME=VALUE' scan t --param x
    refused 'table'  -o tabel table list
    refused '--progress "often"' version --progress often
    refused '--color "red"' version --color red
    refused '--color "red"' --color red
}

test_no_instance_is_named_tells_how_to_name_one() {
    unset SLEEPER_INSTANCE
    refused 'no instance is named: give -I FOLDER or set SLEEPER_INSTANCE' table list
}

test_options_may_stand_before_and_behind_the_command() {
    unset SLEEPER_INSTANCE
    run_ok -I instance init
    run_ok -I instance -o csv table list
    cp "$work/out" first
    run_ok table list -ocsv --instance=instance
    expect_true cmp first "$work/out"
}

test_two_dashes_end_the_options() {
    refused 'unknown command "--help"' -- --help
}

test_help_of_every_command_names_its_options_and_begins_with_examples() {
    local count=0 words option
    commands >list
    while read -r words; do
        # shellcheck disable=SC2086
        run_ok help $words
        expect_no_err
        expect_out "sleeper $words"
        expect_out "Examples"
        sed -n '/^Options$/,/^$/s/^ .*\(--[a-z0-9-]*\).*/\1/p' "$work/out" | sort -u >of_help
        # shellcheck disable=SC2086
        run_ok $words --help
        expect_no_err
        count=$((count + 1))
        # What help names, the command takes: an unknown value or a missing table is told, never the option.
        while read -r option; do
            # shellcheck disable=SC2086
            run $words a b c "$option" x </dev/null || true
            if grep -q "takes no option\|unknown option" "$work/err"; then fail "help of $words names $option"; fi
        done <of_help
    done <list
    [ "$count" -ge 20 ] || fail "only $count commands in help"
}

test_an_option_in_the_table_of_a_command_is_in_its_help() {
    local words option
    run_ok help scan
    for option in from to where param columns limit order max-rows max-bytes no-header; do
        expect_out "--$option"
    done
    run_ok help ingest
    for option in input-format token on-error dry-run; do
        expect_out "--$option"
    done
    for option in instance format output quiet verbose progress color threads memory yes no-input help; do
        expect_out "--$option"
    done
}

test_help_of_an_unknown_command_is_a_mistake() {
    refused 'unknown command "frobnicate"; see: sleeper help' help frobnicate
    refused '"table" needs one more word: create, list, describe' help table
}

test_the_manual_page_is_clean_and_names_every_command_and_option() {
    run_ok help manual-page
    expect_no_err
    sed 's/\\-/-/g' "$work/out" >manual
    commands | while read -r words; do
        grep -qF ".SS sleeper $words" manual || fail "no section of $words"
    done
    sed -n 's/^OPTION([A-Z0-9_]*, "\([a-z0-9-]*\)".*/\1/p' "$REPO/apps/sleeper/options.def" >options
    expect_true test "$(wc -l <options)" -ge 30
    while read -r option; do
        grep -qF -- "--$option" manual || fail "no option --$option"
    done <options
    command -v mandoc >/dev/null || skip "mandoc is not installed"
    mandoc -Tlint -Wwarning <"$work/out" >lint || fail "$(cat lint)"
}

test_version_prints_one_line() {
    run_ok version
    expect_out_lines 1
    expect_out "sleeper "
    expect_no_err
}

test_without_a_command_help_is_printed() {
    run_ok
    expect_out "Commands"
    run_ok --help
    expect_out "Commands"
}

test_quiet_silences_notices_and_not_errors() {
    run_ok init -q
    expect_no_err
    run -q table describe nowhere
    expect_rc 4
    expect_one_message
}

run_tests
