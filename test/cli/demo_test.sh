# The demo of the README runs to its end, and shows that a compaction changes no answer.
. "$(dirname "$0")/lib.sh"

test_the_demo_runs_and_its_answers_survive_compaction() {
    last="tools/demo.sh"
    rc=0
    DEMO_BIN=$(dirname "$SLEEPER") DEMO_DIR=$work/demo bash "$REPO/tools/demo.sh" >"$work/out" 2>"$work/err" || rc=$?
    expect_rc 0
    # What each command printed, each time: the second and the third time are before and after the compaction.
    python3 - "$work/out" >"$work/verdict" 2>&1 <<'PYTHON' || fail "$(cat "$work/verdict")"
import re, sys
answers = {}
for part in re.split(r"^\$ ", open(sys.argv[1], encoding="utf-8").read(), flags=re.M)[1:]:
    command, _, printed = part.partition("\n")
    answers.setdefault(command, []).append(re.split(r"^\n?# ", printed, flags=re.M)[0].strip())
asked = [command for command in answers if len(answers[command]) == 3]
assert len(asked) == 5, "expected five questions, asked three times: %s" % asked
for command in asked:
    first, before, after = answers[command]
    assert first, "no answer: " + command
    assert before == after, "compaction changed the answer: %s\n%s\n%s" % (command, before, after)
files = answers["sleeper file list flights -o table"]
assert len(files[1].splitlines()) < len(files[0].splitlines()), "compaction left as many files"
PYTHON
}

run_tests
