"""Writes paper B's reproduction for people: its tables, its claims, and how they stand."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from training.reproduce.paper_b.claims import Finding, average, averages, findings
from training.reproduce.paper_b.plots import draw_rows, draw_share
from training.reproduce.paper_b.published import AVERAGE, COMPLEXITY, TEXT, WEATHERBENCH
from training.reproduce.paper_b.rows import EXPERTS, FOUNDIR, OURS, ROUTING, SHARE, STRATEGIES
from training.reproduce.paper_b.rows import WEATHERBENCH as TABLE_1
from training.reproduce.paper_b.scales import Scale
from training.reproduce.results import table
from training.reproduce.statistics import Comparison, compare, spread

Result = Mapping[str, Any]

TITLES = {
    TABLE_1: "Table 1: WeatherBench",
    FOUNDIR: "Table 2: FoundIR-Weather",
    ROUTING: "Table 5: routing",
    EXPERTS: "Table 6: experts",
    STRATEGIES: "Table 7: reweighting",
    SHARE: "Figure 6: the share k of keys kept",
}

RULE = (
    "The rule: for each seed, the other row's PSNR on Y, the mean over the weathers, is taken from that of the row "
    "that the paper finds better. Its claim holds where the mean of these differences is more than t standard "
    "errors above zero, t being Student's for one side at 95 % (2.92 for three seeds); it is reversed where it is "
    "as far below, and between the two rows are not distinguishable. A claim over several rows holds if it does "
    "over each, and is reversed if it is against any. Of a hundred comparisons of equal rows, five would hold and "
    "five be reversed by luck."
)


def settings(scale: Scale) -> dict[str, Any]:
    """The scale as JSON."""
    return dataclasses.asdict(scale)


def write(result: Result, folder: Path) -> None:
    """Write B.md and its plots beside B.json."""
    parts = [heading(result)]
    for experiment in result["experiments"]:
        draw(experiment, folder)
        parts.append(section(experiment))
    parts.append(published(result["experiments"]))
    if result["complexity"]:
        parts.append(complexity(result["complexity"]))
    if result["absent"]:
        parts.append("## Not run, for want of data\n\n" + "\n".join(f"- {line}" for line in result["absent"]) + "\n")
    (folder / "B.md").write_text("\n".join(parts))


def heading(result: Result) -> str:
    """Where the figures come from."""
    scale, training = result["scale"], result["scale"]["training"]
    budget = f"{training['steps']} steps of {training['batch']} crops of {list(training['data']['crop'])}"
    rate = f"Adam, {training['learning_rate']:g} to {training['last_learning_rate']:g} along a cosine"
    window = f"the middle {list(scale['window'])} of each" if scale["window"] else "whole"
    facts = [
        ("command", f"`{result['command']}`"),
        ("commit of the report", result["commit"]),
        ("seeds", f"{scale['seeds']}, from {result['seed']}"),
        ("machine", f"{result['machine']}, {result['jobs']} trainings at a time, torch {result['torch']}"),
        ("every training", f"{budget}, {rate}"),
        ("judged on", f"at most {scale['frames']} frames of each weather, {window}"),
    ]
    return (
        "# Paper B: MOE-WIRNet, reproduced\n\n"
        f"Made by the command below at the {scale['name']} scale; [B.json](B.json) holds every figure.\n\n"
        + table(("", ""), facts).replace("---:", "---")
    )


def draw(experiment: Result, folder: Path) -> None:
    """The experiment's plots."""
    found = ablations(experiment)
    if found:
        titles = [TITLES[name].split(":")[0] for name in found]
        draw_rows(experiment, found, titles, folder / f"B_{experiment['name']}_rows.svg")
    if has(experiment, SHARE):
        draw_share(experiment, folder / f"B_{experiment['name']}_figure_6.svg")


def ablations(experiment: Result) -> list[str]:
    """Those of Tables 5 to 7 that the experiment has."""
    return [name for name in (ROUTING, EXPERTS, STRATEGIES) if has(experiment, name)]


def has(experiment: Result, name: str) -> bool:
    """Whether the experiment has rows of this table."""
    return any(row["table"] == name for row in experiment["rows"])


def section(experiment: Result) -> str:
    """One experiment: what was learned at all, the claims, the tables, the gates."""
    name = experiment["name"]
    parts = [
        f"## {name}\n",
        *(f"- {line}" for line in experiment["data"]),
        f"- {len(experiment['trainings'])} different trainings, each with {len(experiment['seeds'])} seeds; all of a "
        "seed see the same examples in the same order, and start from the same weights where their networks have them",
        f"- trained at commit {', '.join(experiment['commits'])}\n",
        "### Before and after, the paper's own network\n",
        restored_table(experiment),
    ]
    if findings(experiment):
        parts += ["### The paper's claims\n", claims_table(findings(experiment)), RULE + "\n"]
    for one in dict.fromkeys(row["table"] for row in experiment["rows"]):
        if one in (*ablations(experiment), SHARE):
            parts += [f"### {TITLES[one]}\n", rows_table(experiment, one)]
            parts += [f"![Figure 6](B_{name}_figure_6.svg)\n"] if one == SHARE else []
    if ablations(experiment):
        parts += [f"![rows](B_{name}_rows.svg)\n"]
    return "\n".join([*parts, "### Gates of the paper's own network\n", gates_table(experiment)])


def restored_table(experiment: Result) -> str:
    """The degraded frames' scores, and the restored ones' by the paper's own network, by weather."""
    ours = list(experiment["trainings"][experiment["ours"]].values())
    lines = []
    for weather, before in experiment["degraded"].items():
        after = {key: [seed["weathers"][weather][key] for seed in ours] for key in before}
        gains = [value - before["psnr_y"] for value in after["psnr_y"]]
        forms = {"psnr_y": ".2f", "ssim_y": ".3f", "psnr": ".2f", "ssim": ".3f"}
        cells = [f"{before[key]:{form}} -> {plus_minus(after[key], form)}" for key, form in forms.items()]
        lines.append([weather, *cells, plus_minus(gains, "+.2f")])
    header = ("weather", "PSNR on Y, dB", "SSIM on Y", "PSNR in RGB, dB", "SSIM in RGB", "gain on Y, dB")
    note = (
        "On Y: of YCbCr, inside a border of four pixels, as WeatherBench scores. Mean ± standard deviation of seeds.\n"
    )
    return table(header, lines) + "\n" + note


def rows_table(experiment: Result, name: str) -> str:
    """A table's rows by weather and on average, and by how much each is below or above the paper's own."""
    weathers, lines = list(experiment["degraded"]), []
    ours = averages(experiment, experiment["ours"])
    for row in (row for row in experiment["rows"] if row["table"] == name):
        seeds = list(experiment["trainings"][row["training"]].values())
        by_weather = [plus_minus([s["weathers"][w]["psnr_y"] for s in seeds], ".2f") for w in weathers]
        measures = [("psnr_y", ".2f"), ("ssim_y", ".3f"), ("psnr", ".2f"), ("ssim", ".3f")]
        averaged = [plus_minus(averages(experiment, row["training"], key), form) for key, form in measures]
        same = row["training"] == experiment["ours"]
        over = "the paper's own" if same else told(compare(averages(experiment, row["training"]), ours))
        lines.append([row["label"], *by_weather, *averaged, over])
    header = ("row", *(f"{w}, PSNR on Y" for w in weathers))
    means = ("mean PSNR on Y", "mean SSIM on Y", "mean PSNR in RGB", "mean SSIM in RGB", "over the paper's own, dB")
    return table((*header, *means), lines)


def claims_table(found: Sequence[Finding]) -> str:
    """Every claim with its comparisons and what they come to."""
    lines = []
    for finding in found:
        over = "; ".join(f"{label}: {told(comparison)}" for label, comparison in finding.over.items())
        verdict = f"**{finding.verdict}**"
        lines.append([TITLES[finding.claim.table].split(":")[0], finding.claim.text, over, verdict])
    header = ("", "claim", "difference over the other row, dB on Y ± standard error", "")
    return table(header, lines).replace("---:", "---")


def gates_table(experiment: Result) -> str:
    """The mean weight of every expert at every level, over the judged frames and the seeds."""
    seeds = [scores["gates"] for scores in experiment["trainings"][experiment["ours"]].values()]
    experts = list(dict.fromkeys(name.split(".")[1] for name in seeds[0]))
    levels = dict.fromkeys(name.split(".")[0] for name in seeds[0])
    lines = [[level, *(plus_minus([s[f"{level}.{e}"] for s in seeds], ".3f") for e in experts)] for level in levels]
    farthest = max(abs(value - 1 / len(experts)) for gates in seeds for value in gates.values())
    note = f"No gate is farther than {farthest:.3f} from equal weights, with which hard routing here weighs them.\n"
    return table(("level", *experts), lines) + "\n" + note


def published(experiments: Sequence[Result]) -> str:
    """Table 1 with the benchmark's own figures, and what the paper's text says of the tables that it does not print."""
    weathers = ("haze", "rain", "snow", AVERAGE)
    lines = [
        [rival.name, *("{:.2f} / {:.4f}".format(*rival.scores[w]) if w in rival.scores else "-" for w in weathers)]
        for rival in WEATHERBENCH
    ]
    lines += [our_line(experiment) for experiment in experiments if has(experiment, TABLE_1)]
    parts = [
        f"## {TITLES[TABLE_1]}, PSNR (dB) and SSIM on Y\n",
        table(("", *weathers), lines),
        "The rivals' figures are the benchmark's own. Paper B's page gives its tables as pictures; its text says:\n",
        *(f"- {text}" for text in TEXT.values()),
        "",
    ]
    for experiment in experiments:
        if has(experiment, FOUNDIR):
            parts += [f"## {TITLES[FOUNDIR]}\n", rows_table(experiment, FOUNDIR)]
    return "\n".join(parts)


def our_line(experiment: Result) -> list[str]:
    """Our row of Table 1: means over the seeds."""
    seeds = [scores["weathers"] for scores in experiment["trainings"][experiment["ours"]].values()]
    means = [
        *([spread([s[w][key] for s in seeds]).mean for key in ("psnr_y", "ssim_y")] for w in experiment["degraded"]),
        [spread([average(s, key) for s in seeds]).mean for key in ("psnr_y", "ssim_y")],
    ]
    return [f"{OURS}, ours", *("{:.2f} / {:.4f}".format(*pair) for pair in means)]


def complexity(presets: Mapping[str, Result]) -> str:
    """Table 4: our presets, and what is published."""
    lines = [
        [name, f"{p['parameters'] / 1e6:.2f}", f"{p['multiply_adds'] / 1e9:.1f}", f"{p['latency_ms']:.0f}"]
        for name, p in presets.items()
    ]
    lines += [
        [f"{name}, published", f"{c.parameters:g}", f"{c.multiply_adds:g}", "-"] for name, c in COMPLEXITY.items()
    ]
    rows, columns = next(iter(presets.values()))["size"]
    header = ("", "parameters, M", f"multiply-adds at {rows}x{columns}, 1e9", "latency here, ms")
    note = "Published figures are at 256x256. Our widths and depths are Restormer's; paper B gives none.\n"
    return "## Table 4: complexity\n\n" + table(header, lines) + "\n" + note


def told(comparison: Comparison) -> str:
    """A difference with its standard error, dB."""
    error = "" if comparison.error is None else f" ± {comparison.error:.3f}"
    return f"{comparison.difference:+.3f}{error}"


def plus_minus(values: Sequence[float], form: str) -> str:
    """Mean ± standard deviation."""
    found = spread(values)
    return f"{found.mean:{form}}" + ("" if found.deviation is None else f" ± {found.deviation:{form.lstrip('+')}}")
