"""Each rule of the state's protocol is cited by its number where the code keeps it, by a test, and in docs/TESTING.md."""

import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import t

RULES = ("I1 I2 I3 I4 I5 C1 C2 C3 F1 F2 F3 F4 S1 S2 S3 S4 P1 P2 P3 P4 P5 O1 O2 O3 O4 O5 O6 V1 V2 V3 V4 V5 G1 G2 G3 G4 G5 T1"
         ).split()
ENDINGS = (".c", ".h", ".def", ".py", ".sh")


def texts(folder):
    """All sources below the folder as one text, but this test, which names every rule."""
    parts = []
    for root, _, names in os.walk(os.path.join(t.REPO, folder)):
        for name in names:
            path = os.path.join(root, name)
            if name.endswith(ENDINGS) and not os.path.samefile(path, __file__):
                with open(path, encoding="utf-8", errors="replace") as file:
                    parts.append(file.read())
    return "\n".join(parts)


def cited(text):
    """Rules of which the text speaks: alone, in a range such as C1 to C3, or at the end of a test's name."""
    found = set(re.findall(r"(?<![A-Za-z0-9])([A-Z][0-9])(?![A-Za-z0-9])", text))
    for first, last in re.findall(r"([A-Z][0-9]) to ([A-Z][0-9])", text):
        if first[0] == last[0]:
            found |= {first[0] + str(n) for n in range(int(first[1]), int(last[1]) + 1)}
    return found


def missing_in(text):
    return [rule for rule in RULES if rule not in cited(text)]


def test_the_code_cites_each_rule(work):
    assert missing_in(texts("src")) == [], missing_in(texts("src"))


def test_tests_cite_each_rule(work):
    assert missing_in(texts("test")) == [], missing_in(texts("test"))


def test_the_table_of_rules_has_each(work):
    with open(os.path.join(t.REPO, "docs", "TESTING.md"), encoding="utf-8") as file:
        table = file.read().split("## The protocol of the state")[1].split("\n## ")[0]
    assert missing_in(table) == [], missing_in(table)


def test_a_rule_that_is_not_cited_is_found(work):
    assert "C2" not in missing_in("C1 to C3") and "F3" in missing_in("F1, F2, xF3, F31")


t.main(globals())
