"""Asks DuckDB for the truth of conditions: predicate_duckdb.py FILE

FILE: a line of column definitions; rows, cells parted by tabs, \\N for a null; a blank line; then a line for each
condition: our truth of every row as T, F and U (E: we refuse it), what DuckDB says if that differs (a letter for every
row; * for some row another one; - if it is the same), and the text. Exit status 77: duckdb is not installed.
"""
import sys

try:
    import duckdb
except ImportError:
    sys.exit(77)


def answer(db, text):
    """The truth of each row, or E if the condition is refused."""
    query = f"SELECT CASE WHEN ({text}) THEN 'T' WHEN NOT ({text}) THEN 'F' ELSE 'U' END FROM t ORDER BY row"
    try:
        return "".join(r[0] for r in db.execute(query).fetchall())
    except duckdb.Error as e:
        return "E " + str(e).split("\n")[0]


def main():
    lines = open(sys.argv[1], encoding="utf-8").read().split("\n")
    end = lines.index("")
    db = duckdb.connect()
    db.execute(f"CREATE TABLE t (row INTEGER, {lines[0]})")
    for number, line in enumerate(lines[1:end]):
        cells = [None if c == "\\N" else c for c in line.split("\t")]
        db.execute(f"INSERT INTO t VALUES ({number}{', ?' * len(cells)})", cells)
    failed = 0
    for line in lines[end + 1 :]:
        if not line:
            continue
        ours, theirs, text = line.split("\t")
        got = answer(db, text)
        if theirs == "-":
            same = got == ours
        elif theirs == "*":
            same = got != ours and got[0] != "E"
        else:
            same = set(got[:1] if got[0] == "E" else got) == {theirs}
        if not same:
            failed += 1
            print(f"{text}\n  duckdb {got}\n  ours   {ours}" + ("" if theirs == "-" else f", expected of duckdb {theirs}"))
    print(f"{len(lines) - end - 2} conditions, {failed} differ")
    return failed > 0


sys.exit(main())
