"""`build_engine`: builds a model file's engine for this machine ahead of time, so that the node finds it ready."""

import argparse
import contextlib
import re
import sys
import threading
import time
from collections.abc import Iterator, Sequence

from weather_perception.core.contract import ContractError
from weather_perception.core.engines.base import PRECISIONS, EngineError, Target
from weather_perception.core.engines.build import ready_entry
from weather_perception.core.engines.cache import EngineCache
from weather_perception.core.engines.select import ENGINES, backend_named, best_backend, open_reference

# A build says that it is still at work this often.
_TICK_SECONDS = 10.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    options = parser().parse_args(arguments)
    try:
        program, reference, device = open_reference(options.model, options.device, options.threads)
        for height, width in options.size:
            target = Target(height, width, options.batch, options.precision, device)
            backend = best_backend(target, _say) if options.engine == "auto" else backend_named(options.engine)
            with _progress(backend.name):
                ready_entry(program, reference, target, backend, EngineCache(), _say, options.threads)
    except (OSError, ContractError, EngineError) as error:
        print(f"build_engine: {error}", file=sys.stderr)
        return 1
    return 0


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    made = argparse.ArgumentParser("build_engine", description=__doc__)
    made.add_argument("--model", default="", help="model file; default: the one that comes with the package")
    names = [name for name in ENGINES if name != "torch"]  # the file itself needs no building
    made.add_argument("--engine", default="auto", choices=names, help="default: the fastest that this machine has")
    made.add_argument(
        "--size", type=_size, nargs="+", required=True, metavar="HEIGHTxWIDTH", help="of the frames, as in 720x1280"
    )
    made.add_argument("--batch", type=_batch, default=1, metavar="1..N", help="frames at a time; default: 1")
    made.add_argument("--precision", default="fp32", choices=PRECISIONS, help="default: %(default)s")
    made.add_argument("--device", default="auto", help="cpu, cuda, cuda:1, ... as the node's parameter")
    made.add_argument("--threads", type=int, default=0, help="CPU threads while comparing; default: all cores")
    return made


def _size(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"([1-9]\d*)x([1-9]\d*)", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is not HEIGHTxWIDTH, as in 720x1280")
    return int(found[1]), int(found[2])


def _batch(text: str) -> int:
    found = re.fullmatch(r"(?:1\.\.)?([1-9]\d*)", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is neither 1..N nor N")
    return int(found[1])


def _say(line: str) -> None:
    print(line, flush=True)


@contextlib.contextmanager
def _progress(name: str) -> Iterator[None]:
    """Say every now and then, within it, for how long it has been at work."""
    done, start = threading.Event(), time.monotonic()

    def tick() -> None:
        while not done.wait(_TICK_SECONDS):
            _say(f"{name}: at work for {time.monotonic() - start:.0f} s")

    ticker = threading.Thread(target=tick, daemon=True)
    ticker.start()
    try:
        yield
    finally:
        done.set()
        ticker.join()


if __name__ == "__main__":
    sys.exit(main())
