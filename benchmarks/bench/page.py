"""The page docs/results/bench.md: bench.json as tables."""

from collections.abc import Iterable, Sequence

from benchmarks.bench.measure import BLOCK, PAIRS
from benchmarks.bench.report import ROS2_BENCHMARK, Row, targets


def page(result: Row) -> str:
    """The whole page."""
    machine = result["metadata"]
    facts = {
        "command": f"`{machine['command']}`",
        "commit": machine["commit"],
        "date": machine["date"],
        "model": f"{machine['model']}, sha256 {machine['model_sha256'][:12]}",
        "machine": f"{machine['processor']}, {machine['threads']} threads, {machine['system']}",
        "load before (1 minute)": f"{machine['load_before']:.2f}",
        "versions": machine["versions"],
        "peak": ", ".join(f"{rate / 1e9:.0f} GMAC/s {name}" for name, rate in machine["multiply_adds_per_s"].items())
        + f", copy {machine['bytes_per_s'] / 1e9:.1f} GB/s read and written",
    }
    parts = [
        "# Engines, measured in one run",
        _table(["", ""], facts.items()),
        HOW,
        _rows_table(result["rows"], ROW_CELLS),
    ]
    if result["busy_neighbour"]:
        parts += ["## With one busy neighbour process", HOW_BUSY, _rows_table(result["busy_neighbour"], BUSY_CELLS)]
    if claims := targets(result["rows"], result["busy_neighbour"]):
        held = [(claim, value, "yes" if holds else "**no**") for claim, value, holds in claims]
        parts += ["## Targets on two CPU cores", _table(["target", "found", "met"], held)]
    if result["not_measured"]:
        parts += ["## Not measured", "\n".join(f"- {line}" for line in result["not_measured"])]
    return "\n\n".join(parts) + "\n"


HOW = f"""\
Every row is a separate process that holds what a serving process holds: the opened model file, the reference and the
engine (the node adds its ROS client library to the memory). Latency is of a whole batch, from uint8 frames in memory to
the five outputs in memory, one batch after another; p50 and p95 are over the repetitions given. `load` is the time from
the start of the imports to the first answer, `build` the time to compile the engine and compare it with the reference,
once (int8 is calibrated on a simulated drive through all weathers).

`times torch` is measured within one process, because rows are minutes apart and the speed of a shared machine changes
meanwhile. After its repetitions, and after its peak memory was read, each process alternates between the reference and
the engine for as long again, at least {PAIRS} turns each: one batch that does not count, then {BLOCK} that do. The
figure is the median ratio of neighbouring turns. A peer alternates with the reference in its process, under its own
settings.

`roofline` is, for every convolution and matrix product, the longer of its arithmetic at the peak above and its reads
and writes at the copy's rate; everything between them costs nothing. `reached` is roofline / p50. The peaks are the
highest of two measurements, one before all rows and one after them."""

HOW_BUSY = """\
Each engine runs alone and, directly after that, beside a process that never stops computing."""

ROW_CELLS = {
    "p50 ms": ("latency_p50_ms", ".1f"),
    "p95 ms": ("latency_p95_ms", ".1f"),
    "frames/s": (f"{ROS2_BENCHMARK}.MEAN_FRAME_RATE", ".1f"),
    "times torch": ("ratio_to_torch", ".2f"),
    "peak MB": ("peak_memory_mb", ".0f"),
    "load s": ("load_s", ".1f"),
    "build s": ("build_s", ".0f"),
    "GMAC": ("multiply_adds", "giga"),
    "MB moved": ("bytes", "mega"),
    "roofline ms": ("roofline_ms", ".1f"),
    "reached": ("roofline_share", ".0%"),
    "repetitions": ("repetitions", "d"),
}
BUSY_CELLS = {
    "p50 ms": ("latency_p50_ms", ".1f"),
    "p95 ms": ("latency_p95_ms", ".1f"),
    "quiet p95 ms": ("quiet_p95_ms", ".1f"),
    "ratio of p95": ("p95_to_quiet", ".2f"),
}


def _rows_table(rows: Sequence[Row], cells: dict[str, tuple[str, str]]) -> str:
    lines = []
    for row in rows:
        names = [row["engine"], row["precision"], f"{row['width']}x{row['height']}", str(row["batch"])]
        lines.append(names + [_cell(row.get(key), form) for key, form in cells.values()])
    return _table(["engine", "precision", "size", "batch", *cells], lines)


def _cell(value: float | None, form: str) -> str:
    if value is None:
        return "-"
    scale = {"giga": 1e9, "mega": 1e6}.get(form)
    return f"{value / scale:.1f}" if scale else format(value, form)


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
