"""The commands `python -m emulator demo` and `python -m emulator loop FILE.eml…`."""

import argparse
import asyncio
import shutil
import sys
from pathlib import Path


def main() -> int:
    """Parse the words and run."""
    parser = argparse.ArgumentParser(prog="python -m emulator", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser("demo", help="everything on localhost, with a cast and mails already sent")
    demo.add_argument("--port", type=int, default=8400, help="first of five ports in a row")
    demo.add_argument("--data", type=Path, default=Path(".demo"), help="folder for database, blobs, keys and logs")
    loop = commands.add_parser("loop", help="each mail through the whole loop; one line of JSON each")
    loop.add_argument("--data", type=Path, help="keep database, blobs and logs here")
    loop.add_argument("files", nargs="+", type=Path, metavar="FILE.eml")
    given = parser.parse_args()
    if given.command == "demo":
        from emulator.demo import run_demo

        # mailboxes live in memory: yesterday's database would hold mail whose notices are gone
        shutil.rmtree(given.data, ignore_errors=True)
        return asyncio.run(run_demo(given.port, given.data))
    from emulator.loop.run import run_loop

    return asyncio.run(run_loop(given.files, given.data))


if __name__ == "__main__":
    sys.exit(main())
