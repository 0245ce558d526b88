"""Opens the model in a thread, so that the node reports and answers meanwhile, and gives its memory back."""

import ctypes
import gc
import threading
from collections.abc import Callable

from weather_perception.core.config import NodeConfig
from weather_perception.core.engines.base import Engine, EngineOptions
from weather_perception.core.engines.by_size import EngineBySize
from weather_perception.core.engines.select import build_engine
from weather_perception.core.engines.state import EngineStatus


class Loader:
    """Opens the model of `config`; when `done`, it has an `engine`, or a `problem` that says what to do."""

    def __init__(self, config: NodeConfig, report: Callable[[str], None]) -> None:
        self.engine: Engine | None = None
        self.problem = ""
        self.status = EngineStatus()
        self.done = threading.Event()
        self._config, self._report = config, report
        threading.Thread(target=self._run, name="loading", daemon=True).start()

    def _run(self) -> None:
        config = self._config
        options = EngineOptions(
            engine=config.engine,
            device=config.device,
            threads=config.torch_threads,
            precision=config.precision,
            build=config.build,
            in_background=True,
            meanwhile=config.meanwhile,
            batch=min(len(config.cameras), config.max_batch or len(config.cameras)),
            model_sha256=config.model_sha256,
        )
        try:
            self.engine = build_engine(config.model, options, self._report, self.status)
        except Exception as error:  # our own errors say what to do; of any other the kind is part of the message
            own = type(error).__module__.startswith("weather_perception") or isinstance(error, OSError)
            self.problem = str(error) if own else f"{type(error).__name__}: {error}"
        finally:
            self.done.set()


def close(engine: Engine) -> None:
    """End what an engine does in the background."""
    if isinstance(engine, EngineBySize):
        engine.close()


def release_memory() -> None:
    """Give the memory of what nobody refers to back to the system; glibc keeps it otherwise."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim:
        trim(0)
