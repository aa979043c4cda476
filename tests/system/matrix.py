#!/usr/bin/env python3
"""The README's matrix of the programs that were tried under toynet-run, from the results of the tests.

Usage: matrix.py RESULTS [--write]

RESULTS is the file of ok and FAIL lines that run.py --full --results writes (tests/run: build/logs/system.results). Prints
the table; --write puts it between its markers in the README. test_run_matrix.py sees to it that it has a row for
each test, and no other.
"""
import argparse
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
README = os.path.join(ROOT, "README.md")
BEGIN = "<!-- matrix: written by tests/system/matrix.py -->"
END = "<!-- end of matrix -->"
SIDES = {"run_clients": "client", "run_servers": "server", "run_both": "both ends"}


def rows():
    """(name of the test, side, program, what was done) of each, in the order of the files."""
    import programs
    import test_run_clients, test_run_servers, test_run_both  # noqa: E401, F401  they fill programs.ROWS

    order = list(SIDES)
    known = [(name, SIDES[name.split("/")[0]], program, what) for name, program, what in programs.ROWS]
    return sorted(known, key=lambda row: order.index(row[0].split("/")[0]))


def results(path):
    """{name of the test: "ok" or "FAIL"}; of several lines the last one counts."""
    found = {}
    with open(path) as f:
        for line in f:
            if match := re.match(r"(ok|FAIL) +system/(\S+)", line):
                found[match[2]] = match[1]
    return found


def line_of(side, program, what, result):
    return f"| {program} | {side} | {what} | {result} |"


def table(found):
    words = {"ok": "works", "FAIL": "fails"}
    lines = ["| Program | toynet has the | What was done | Result |", "|---|---|---|---|"]
    lines += [line_of(side, program, what, words[found[name]]) for name, side, program, what in rows()]
    return "\n".join(lines)


def split(text):
    """The README before, in and after the table."""
    before, rest = text.split(BEGIN + "\n", 1)
    inside, after = rest.split(END, 1)
    return before, inside.rstrip("\n"), after


def main():
    parser = argparse.ArgumentParser(description="the README's matrix of programs under toynet-run")
    parser.add_argument("results", help="file with the ok and FAIL lines of run.py --full")
    parser.add_argument("--write", action="store_true", help="put the table into the README")
    args = parser.parse_args()
    found = results(args.results)
    missing = [name for name, *_ in rows() if name not in found]
    if missing:
        sys.exit(f"matrix.py: {args.results} has no result of {', '.join(missing)}; run.py --full has them")
    made = table(found)
    if not args.write:
        print(made)
        return
    with open(README) as f:
        before, _, after = split(f.read())
    with open(README, "w") as f:
        f.write(f"{before}{BEGIN}\n{made}\n{END}{after}")


if __name__ == "__main__":
    main()
