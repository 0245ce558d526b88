"""`replay`: runs recorded frames through the model, and writes the answers, metrics and a report."""

import os
import shlex
import sys
from collections.abc import Sequence

from weather_perception.core.contract import ContractError
from weather_perception.core.engines.base import EngineError
from weather_perception.replay.frames import ReplayError
from weather_perception.replay.interruption import Ended, Interruption
from weather_perception.replay.options import parser
from weather_perception.replay.recording import BAG, METRICS, REPORT

FAILED, INTERRUPTED = 1, 130
"""Exit codes; 0: done. argparse ends with 2 if the command line is wrong."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code. Errors that a user can fix are printed without a traceback."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before PyTorch loads: leave idle cores to the live node
    argv = sys.argv[1:] if argv is None else list(argv)
    arguments = parser().parse_args(argv)
    from weather_perception.replay.session import Session

    try:
        with Interruption() as interruption:
            found = Session(arguments, shlex.join(["replay", *argv]), interruption).run()
    except (ReplayError, ContractError, EngineError, FileNotFoundError) as error:
        print(f"replay: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("replay: interrupted, nothing was written", file=sys.stderr)
        return INTERRUPTED
    except Ended as ended:
        print("replay: told to end, nothing was written", file=sys.stderr)
        return 128 + ended.number
    from weather_perception.replay.metrics import tables  # loads PyTorch, which takes seconds

    print(f"\n{tables(found)}\n")
    for name in (REPORT, METRICS, BAG):
        print(arguments.out / name)
    if interruption.asked:
        print("replay: interrupted; the results hold for the frames up to there", file=sys.stderr)
        return INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())
