"""Paper B's reproduction as a page: its tables, its claims and their verdicts, and plots as SVG."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib import pyplot

from training.reproduce.paper_b.published import AVERAGE, COMPLEXITY, MEASURE, TEXT, WEATHERBENCH, Finding, findings
from training.reproduce.paper_b.rows import ALL_WEATHER, EXPERTS, FOUNDIR, OURS, ROUTING, SHARE, STRATEGIES
from training.reproduce.paper_b.rows import WEATHERBENCH as TABLE_1
from training.reproduce.results import (
    AMBER,
    BLUE,
    GREY,
    TEAL,
    VIOLET,
    Result,
    heading,
    judged_in_words,
    save_plot,
    table,
    text_table,
    training_in_words,
)
from training.reproduce.rivals import rivals_table
from training.reproduce.scores import averages, plus_minus, seeds, spread, unreferenced_table
from training.reproduce.verdicts import MARGIN_DB, RULE, compare_two

TITLES = {
    TABLE_1: "Table 1: WeatherBench",
    FOUNDIR: "Table 2: FoundIR-Weather",
    ALL_WEATHER: "All-Weather, which is not in the paper",
    ROUTING: "Table 5: routing",
    EXPERTS: "Table 6: experts",
    STRATEGIES: "Table 7: reweighting",
    SHARE: "Figure 6: the share k of keys kept",
}

FORMS = {"psnr_y": ".2f", "ssim_y": ".3f", "psnr": ".2f", "ssim": ".3f"}
"""The measures of a table, and their digits."""


def page(result: Result, folder: Path) -> str:
    """The page, whose plots this writes to `folder`."""
    scale = result["scale"]
    facts = [
        ("seeds", f"{scale['seeds']}, from {result['seed']}"),
        ("every training", training_in_words(scale["training"])),
        ("judged on", judged_in_words(scale)),
    ]
    parts = [heading(result, "Paper B: MOE-WIRNet, reproduced", "trainings", facts)]
    for experiment in result["experiments"]:
        draw(experiment, folder)
        parts.append(section(experiment))
    parts.append(published(result["experiments"]))
    if result["complexity"]:
        parts.append(complexity(result["complexity"]))
    return "\n".join(parts)


def draw(experiment: Result, folder: Path) -> None:
    """The experiment's plots."""
    found = ablations(experiment)
    if found:
        titles = [TITLES[name].split(":")[0] for name in found]
        draw_rows(experiment, found, titles, folder / f"B_{experiment['name']}_rows.svg")
    if has(experiment, SHARE):
        draw_share(experiment, folder / f"B_{experiment['name']}_figure_6.svg")


def ablations(experiment: Result) -> list[str]:
    """The tables of 5 to 7 that the experiment has."""
    return [name for name in (ROUTING, EXPERTS, STRATEGIES) if has(experiment, name)]


def has(experiment: Result, name: str) -> bool:
    """Whether the experiment has rows of this table."""
    return any(row["table"] == name for row in experiment["rows"])


def section(experiment: Result) -> str:
    """One experiment: the gains of the paper's own network, the claims, the tables, the gates."""
    name = experiment["name"]
    parts = [
        f"## {name}\n",
        *(f"- {line}" for line in experiment["data"]),
        f"- {len(experiment['trainings'])} different trainings, each with {len(experiment['seeds'])} seeds; for one "
        "seed, all see the same examples in the same order, and start from the same weights as far as they have them",
        f"- trained at commit {', '.join(experiment['commits'])}\n",
        "### Before and after, the paper's own network\n",
        restored_table(experiment),
        "### Without a clear frame, in Table 3's place\n",
        unreferenced_table(
            experiment["degraded"],
            [one["weathers"] for one in seeds(experiment, experiment["ours"])],
            experiment["clear"],
        ),
    ]
    if findings(experiment):
        parts += [
            "### The paper's claims\n",
            claims_table(findings(experiment)),
            f"{RULE} Claims are about the PSNR on Y.\n",
        ]
    for one in dict.fromkeys(row["table"] for row in experiment["rows"]):
        if one in (*ablations(experiment), SHARE):
            parts += [f"### {TITLES[one]}\n", rows_table(experiment, one)]
            parts += [f"![Figure 6](B_{name}_figure_6.svg)\n"] if one == SHARE else []
    if ablations(experiment):
        parts += [f"![rows](B_{name}_rows.svg)\n"]
    if experiment["rivals"]:
        ours = experiment["trainings"][experiment["ours"]]
        parts += ["### Rivals\n", rivals_table(experiment["rivals"], ours, OURS, MEASURE)]
    parts += ["### Weights of the tasks, ORI\n", weights_table(experiment)]
    return "\n".join([*parts, "### Gates of the paper's own network\n", gates_table(experiment)])


def restored_table(experiment: Result) -> str:
    """The degraded frames' scores, and the restored ones' by the paper's own network, by weather."""
    ours, lines = seeds(experiment, experiment["ours"]), []
    for weather, before in experiment["degraded"].items():
        after = {key: [seed["weathers"][weather][key] for seed in ours] for key in FORMS}
        gains = [value - before[MEASURE] for value in after[MEASURE]]
        cells = [f"{before[key]:{form}} -> {plus_minus(after[key], form)}" for key, form in FORMS.items()]
        lines.append([weather, *cells, plus_minus(gains, "+.2f")])
    header = ("weather", "PSNR on Y, dB", "SSIM on Y", "PSNR in RGB, dB", "SSIM in RGB", "gain on Y, dB")
    note = (
        "On Y: of YCbCr, inside a border of four pixels, as WeatherBench scores. Mean ± standard deviation of seeds.\n"
    )
    return table(header, lines) + "\n" + note


def rows_table(experiment: Result, name: str) -> str:
    """A table's rows by weather and on average, and their difference to the paper's own."""
    weathers, lines = list(experiment["degraded"]), []
    ours = averages(experiment, experiment["ours"], MEASURE)
    for row in (row for row in experiment["rows"] if row["table"] == name):
        scores = [one["weathers"] for one in seeds(experiment, row["training"])]
        by_weather = [plus_minus([one[w][MEASURE] for one in scores], FORMS[MEASURE]) for w in weathers]
        averaged = [plus_minus(averages(experiment, row["training"], key), form) for key, form in FORMS.items()]
        same = row["training"] == experiment["ours"]
        found = compare_two(averages(experiment, row["training"], MEASURE), ours, MARGIN_DB)
        over = "the paper's own" if same else found.in_words()
        lines.append([row["label"], *by_weather, *averaged, over])
    header = ("row", *(f"{w}, PSNR on Y" for w in weathers))
    means = (
        "mean PSNR on Y",
        "mean SSIM on Y",
        "mean PSNR in RGB",
        "mean SSIM in RGB",
        "over the paper's own, dB, 90 % interval",
    )
    return table((*header, *means), lines)


def claims_table(found: Sequence[Finding]) -> str:
    """Every claim with its comparisons and its verdict."""
    lines = []
    for finding in found:
        over = "; ".join(f"{label}: {comparison.in_words()}" for label, comparison in finding.over.items())
        verdict = f"**{finding.verdict}**"
        lines.append([TITLES[finding.claim.table].split(":")[0], finding.claim.text, over, verdict])
    header = ("", "claim", "difference over the other row, dB on Y, with its 90 % interval", "")
    return text_table(header, lines)


def weights_table(experiment: Result) -> str:
    """The tasks' mean weights over the training of the paper's own network."""
    found = [scores["weights"] for scores in seeds(experiment, experiment["ours"])]
    return table(("", *found[0]), [["mean weight", *(plus_minus([one[w] for one in found], ".3f") for w in found[0])]])


def gates_table(experiment: Result) -> str:
    """The mean weight of every expert at every level, over the judged frames and the seeds."""
    found = [scores["gates"] for scores in seeds(experiment, experiment["ours"])]
    experts = list(dict.fromkeys(name.split(".")[1] for name in found[0]))
    levels = dict.fromkeys(name.split(".")[0] for name in found[0])
    lines = [[level, *(plus_minus([s[f"{level}.{e}"] for s in found], ".3f") for e in experts)] for level in levels]
    farthest = max(abs(value - 1 / len(experts)) for gates in found for value in gates.values())
    note = f"No gate is farther than {farthest:.3f} from equal weights, which are those of hard routing here.\n"
    return table(("level", *experts), lines) + "\n" + note


def published(experiments: Sequence[Result]) -> str:
    """Table 1 with the benchmark's own figures, and the paper's words on tables that it shows as pictures."""
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
        for name in (FOUNDIR, ALL_WEATHER):
            parts += [f"## {TITLES[name]}\n", rows_table(experiment, name)] if has(experiment, name) else []
    return "\n".join(parts)


def our_line(experiment: Result) -> list[str]:
    """Our row of Table 1: means over the seeds."""
    measures, ours = ("psnr_y", "ssim_y"), experiment["ours"]
    found = [scores["weathers"] for scores in seeds(experiment, ours)]
    means = [[spread([one[w][key] for one in found]).mean for key in measures] for w in experiment["degraded"]]
    means.append([spread(averages(experiment, ours, key)).mean for key in measures])
    return [f"{OURS}, ours", *("{:.2f} / {:.4f}".format(*pair) for pair in means)]


def complexity(presets: Result) -> str:
    """Table 4: our presets, and the published networks."""
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


SEED_COLOURS = (AMBER, BLUE, VIOLET)
PAPER_BEST = 70


def draw_share(experiment: Result, path: Path) -> None:
    """Figure 6: mean PSNR over k, with the seeds' standard deviation, and every seed alone."""
    rows = {int(row["label"].split()[2]): row["training"] for row in experiment["rows"] if row["table"] == SHARE}
    found = {k: averages(experiment, training, MEASURE) for k, training in rows.items()}
    spreads = [spread(values) for values in found.values()]
    figure, panel = pyplot.subplots(figsize=(6, 3.4), layout="constrained")
    for number, seed in enumerate(experiment["seeds"]):
        values = [seeds[number] for seeds in found.values()]
        panel.plot(list(rows), values, ".:", linewidth=0.8, color=SEED_COLOURS[number % 3], label=f"seed {seed}")
    means, deviations = [s.mean for s in spreads], [s.deviation or 0 for s in spreads]
    panel.errorbar(list(rows), means, deviations, color=TEAL, capsize=4, marker="o", label="mean ± standard deviation")
    panel.axvline(PAPER_BEST, color="black", linewidth=0.6, linestyle="--", label="the paper's best")
    panel.set_xlabel("k: share of the keys that a query keeps, %")
    panel.set_ylabel("PSNR on Y, dB")
    panel.legend(frameon=False, fontsize=7)
    save_plot(figure, path)


def draw_rows(experiment: Result, tables: Sequence[str], titles: Sequence[str], path: Path) -> None:
    """A panel for each table: mean PSNR of its rows with the seeds' standard deviation, ours in colour."""
    figure, panels = pyplot.subplots(1, len(tables), figsize=(4.6 * len(tables), 3), layout="constrained")
    for panel, name, title in zip(panels if len(tables) > 1 else [panels], tables, titles, strict=True):
        rows = [row for row in experiment["rows"] if row["table"] == name]
        spreads = [spread(averages(experiment, row["training"], MEASURE)) for row in rows]
        ours = experiment["ours"]
        for place, (row, found) in enumerate(zip(rows, spreads, strict=True)):
            colour = TEAL if row["training"] == ours else GREY
            panel.errorbar(found.mean, -place, xerr=found.deviation or 0, color=colour, capsize=3, marker="o")
        panel.set_yticks([-place for place in range(len(rows))], [row["label"] for row in rows], fontsize=7)
        panel.set_title(f"{title}: PSNR on Y, dB", fontsize=9)
        panel.spines[["top", "right"]].set_visible(False)
    save_plot(figure, path)
