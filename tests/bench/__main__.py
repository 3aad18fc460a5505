"""Print every row: `make bench`."""

from tests.bench import sealing


def main() -> None:
    for part in (sealing,):
        for row in part.rows():
            print(row.line(), flush=True)


main()
