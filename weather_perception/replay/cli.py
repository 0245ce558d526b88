"""`replay`: runs recorded frames through the model, and writes the answers, metrics and a report."""

import os
import shlex
import sys
from collections.abc import Sequence

from weather_perception.core.contract import ContractError
from weather_perception.core.engines.base import EngineError
from weather_perception.replay.coverage import verdict
from weather_perception.replay.exits import NO_SPACE, ExitCode
from weather_perception.replay.frames import ReplayError
from weather_perception.replay.interruption import Ended, Interruption
from weather_perception.replay.options import parser
from weather_perception.replay.recording import BAG, METRICS, REPORT


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code. Errors that a user can fix are printed without a traceback."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before PyTorch loads: leave idle cores to the live node
    argv = sys.argv[1:] if argv is None else list(argv)
    arguments = parser().parse_args(argv)
    from weather_perception.replay.session import Session

    try:
        with Interruption() as interruption:
            found = Session(arguments, shlex.join(["replay", *argv]), interruption).run()
    except ReplayError as error:
        print(f"replay: {error}", file=sys.stderr)
        return error.exit_code
    except (ContractError, EngineError, FileNotFoundError) as error:
        print(f"replay: {error}", file=sys.stderr)
        return ExitCode.FAILED
    except OSError as error:
        if error.errno not in NO_SPACE:
            raise
        print(f"replay: the disk is full ({error}); make room, or choose another --out", file=sys.stderr)
        return ExitCode.NO_SPACE
    except KeyboardInterrupt:
        print("replay: interrupted, nothing was written", file=sys.stderr)
        return ExitCode.INTERRUPTED
    except Ended as ended:
        print("replay: told to end, nothing was written", file=sys.stderr)
        return 128 + ended.number
    from weather_perception.replay.metrics import tables  # loads PyTorch, which takes seconds

    print(f"\n{tables(found)}\n")
    for name in (REPORT, METRICS, BAG):
        print(arguments.out / name)
    code, why = verdict(found)
    for line in why:
        print(f"replay: {line}", file=sys.stderr)
    if interruption.asked:
        print("replay: interrupted; the results hold for the frames up to there", file=sys.stderr)
        return ExitCode.INTERRUPTED
    return code


if __name__ == "__main__":
    sys.exit(main())
