"""Print every row: `make bench`, or some parts: `python -m tests.bench sealing hook`. `--table` writes Markdown."""

import sys
import time

from tests.bench import doors, hook, inbox, loop, pulling, sealing, whole

PARTS = {
    "sealing": sealing,
    "doors": doors,
    "hook": hook,
    "pulling": pulling,
    "inbox": inbox,
    "whole": whole,
    "loop": loop,
}


def main() -> None:
    wanted = [word for word in sys.argv[1:] if word in PARTS] or list(PARTS)
    is_table = "--table" in sys.argv
    began = time.perf_counter()
    if is_table:
        print("| measured | value | ratio | baseline | how |\n| --- | ---: | ---: | --- | --- |")
    for name in wanted:
        for row in PARTS[name].rows():
            print(row.cells() if is_table else row.line(), flush=True)
    print(f"all of it took {time.perf_counter() - began:.0f} s", file=sys.stderr)


main()
