"""The README's matrix has a row for each test of a program under toynet-run."""
import matrix
from toynettest import expect_equal, test


@test()
def a_row_for_each_program():
    with open(matrix.README) as f:
        _, inside, _ = matrix.split(f.read())
    named = [line.rsplit("|", 2)[0] for line in inside.splitlines()[2:]]
    wanted = [matrix.line_of(side, program, what, "").rsplit("|", 2)[0] for _, side, program, what in matrix.rows()]
    expect_equal(named, wanted, "the rows of the README; see tests/system/matrix.py")
