"""`make bench`, or `python -m benchmarks.bench`: measures every engine of this machine and writes the tables."""

import argparse
import datetime
import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.bench.page import page
from benchmarks.bench.process import WorkerError
from benchmarks.bench.report import Row
from benchmarks.bench.session import Session, Settings

ROOT = Path(__file__).resolve().parents[2]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    options = parser().parse_args(arguments)
    load_before = os.getloadavg()[0]
    settings = Settings(
        model=options.model,
        device=options.device,
        sizes=tuple(options.size),
        batches=tuple(options.batch),
        precisions=tuple(options.precision),
        engines=tuple(options.engine),
        peers=tuple(options.peer),
        threads=options.threads,
        seconds=options.seconds,
        minutes=options.minutes,
        cache=options.cache,
    )
    session = Session(settings, lambda line: print(line, flush=True))
    try:
        result = measure(session)
    except WorkerError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    result["metadata"] |= {
        "command": " ".join(["python -m benchmarks.bench", *(sys.argv[1:] if arguments is None else arguments)]),
        "commit": commit(),
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d"),
        "load_before": load_before,
    }
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "bench.json").write_text(json.dumps(result, indent=1) + "\n")
    (options.out / "bench.md").write_text(page(result))
    print(f"{options.out / 'bench.md'}")
    return 0


def measure(session: Session) -> Row:
    """Measure everything, the most important first: the time for builds is limited."""
    session.measure_machine()
    session.measure_one_frame()
    session.measure_busy()
    session.measure_batches()
    session.measure_peaks()
    return session.result()


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    made = argparse.ArgumentParser("python -m benchmarks.bench", description=__doc__)
    made.add_argument("--model", default="", help="model file; default: the one that comes with the package")
    made.add_argument("--device", default="auto", help="cpu, cuda, ... as the node's parameter")
    sizes = [(360, 640), (720, 1280), (1080, 1920)]
    made.add_argument("--size", type=size, nargs="+", default=sizes, metavar="HEIGHTxWIDTH", help="of the frames")
    made.add_argument("--batch", type=int, nargs="+", default=[1, 6], metavar="N", help="default: 1 6")
    made.add_argument("--precision", nargs="+", default=[], help="default: int8, bf16, fp32, as the machine allows")
    made.add_argument("--engine", nargs="+", default=[], help="engines besides torch; default: all")
    made.add_argument(
        "--peer",
        nargs="+",
        default=[],
        metavar="MODULE:FACTORY",
        help="also measure the function it returns",
    )
    made.add_argument("--threads", type=int, default=0, help="CPU threads; default: all cores")
    made.add_argument(
        "--seconds", type=float, default=4.0, help="seconds for a row's repetitions, and for its ratio; default: 4"
    )
    made.add_argument("--minutes", type=float, default=15.0, help="limit for all builds together; default: 15")
    made.add_argument("--cache", type=Path, default=ROOT / "out/bench/cache", help="folder of the built engines")
    made.add_argument("--out", type=Path, default=ROOT / "docs/results", help="folder of bench.json and bench.md")
    return made


def size(text: str) -> tuple[int, int]:
    """Height and width."""
    found = re.fullmatch(r"([1-9]\d*)x([1-9]\d*)", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is not HEIGHTxWIDTH, as in 720x1280")
    return int(found[1]), int(found[2])


def commit() -> str:
    """The commit of the checkout; `unknown` without one."""
    done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


if __name__ == "__main__":
    sys.exit(main())
