"""Paper A's reproduction as a page: tables beside the printed ones, plots as SVG, and a reading."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib import pyplot

from training.reproduce.paper_a.published import BY_DEGRADATION, CLEAN, OURS, Published
from training.reproduce.paper_a.scales import CooperationScale
from training.reproduce.paper_a.trainings import COOPERATIVE, LONGER, SEPARATE, UNGUIDED, UNGUIDED_LONGER
from training.reproduce.results import BLUE, GREY, TEAL, VIOLET, Result, heading, save_plot, table, with_error


def settings(scale: CooperationScale) -> dict[str, Any]:
    """The scale as JSON, without this machine's paths."""
    found = dataclasses.asdict(scale)
    found["training"]["egsyn_loss"].pop("vgg19_weights")
    return found


def page(result: Result, folder: Path) -> str:
    """The page, whose plots this writes to `folder`."""
    parts = [heading(result, "Paper A: cooperative segmentation and restoration, reproduced", "rows", facts(result))]
    for experiment in result["experiments"]:
        name = f"A_{experiment['name']}"
        draw_gains(experiment["rows"], folder / f"{name}_gains.svg")
        draw_cooperation(experiment["rows"], folder / f"{name}_cooperation.svg")
        parts.append(section(experiment, name))
    return "\n".join(parts)


def facts(result: Result) -> list[tuple[str, str]]:
    """The seed, and the steps and examples of each stage."""
    scale, training = result["scale"], result["scale"]["training"]
    features = (
        "VGG-19" if training["egsyn_loss"]["perceptual_features"] == "vgg19" else "none (no perceptual, no style loss)"
    )
    return [
        ("seed", str(result["seed"])),
        ("steps of stages 1, 2, 3", f"{training['sgada_steps']} + {training['egsyn_steps']} + {training['steps']}"),
        ("crops of stage 2", crops(training["data"]["crop"], training["batch"], training["learning_rate"])),
        ("crops of stages 1 and 3", crops(*scale["whole"]) if scale["whole"] else "the same"),
        ("feature extractor", features),
        ("models", "one for each row, one original segmenter for a data set"),
    ]


def crops(size: Sequence[int], batch: int, rate: float) -> str:
    """What a stage learns from, and how fast."""
    return f"{batch} of {list(size)}, learning rate {rate:g}"


def section(experiment: Result, name: str) -> str:
    """One experiment's tables, plots and reading."""
    rows = experiment["rows"]
    parameters = ", ".join(f"{part} {count / 1e6:.2f} M" for part, count in experiment["parameters"].items())
    return "\n".join(
        (
            f"## {experiment['name']}\n",
            *(f"- {line}" for line in experiment["data"]),
            f"- original segmentation: {experiment['segmenter']}",
            f"- parameters: {parameters}",
            f"- trained at commit {', '.join(experiment['commits'])}\n",
            "### The original segmentation of clear frames\n",
            clean_table(experiment["clean"]["set"]),
            "### Degraded frames, before and after stage 3\n",
            scores_table(rows),
            "### Our gains beside the paper's\n",
            gains_table(rows),
            f"![gains]({name}_gains.svg)\n",
            "### What the cooperation is worth\n",
            cooperation_table(rows),
            f"![cooperation]({name}_cooperation.svg)\n",
            "### Reading\n",
            reading(rows),
        )
    )


MASKS = {"pa": "PA", "mpa": "mPA", "miou": "mIoU", "fwiou": "FWIoU"}
"""Measures of masks, and their headings."""


def clean_table(clean: Result) -> str:
    """Table 1's first row: its data set is another one, so levels cannot be compared."""
    printed = CLEAN._asdict()
    rows = {"ours": clean, "paper A, on CelebAMask-HQ (Table 1, first row)": printed}
    return table(("", *MASKS.values()), [[name, *(f"{found[m]:.3f}" for m in MASKS)] for name, found in rows.items()])


def scores_table(rows: Mapping[str, Result]) -> str:
    """Degraded and restored images, original and refined masks (over the whole set)."""
    lines = []
    for name, row in rows.items():
        found = row["variants"][COOPERATIVE]
        before, after = found["original"]["set"], found["refined"]["set"]
        lines.append(
            [
                label(name),
                f"{found['psnr_degraded']:.2f} -> {found['psnr_restored']:.2f}",
                f"{found['ssim_degraded']:.3f} -> {found['ssim_restored']:.3f}",
                *(f"{before[key]:.3f} -> {after[key]:.3f}" for key in MASKS),
            ]
        )
    return table(("degradation", "PSNR, dB", "SSIM", *MASKS.values()), lines)


def gains_table(rows: Mapping[str, Result]) -> str:
    """Gains in PSNR and mIoU beside the paper's, if its tables have them; its data are others."""
    lines = []
    for name, row in rows.items():
        found, printed = row["variants"][COOPERATIVE], BY_DEGRADATION[name]
        lines.append(
            [
                label(name),
                f"{psnr_gain(found):+.2f}",
                printed_gain(printed, "psnr", "+.2f"),
                f"{miou_gain(found):+.3f}",
                printed_gain(printed, "miou", "+.3f"),
                rival(printed),
            ]
        )
    header = (
        "degradation",
        "PSNR gain, ours",
        "paper A",
        "mIoU gain, ours",
        "paper A",
        "paper A's PSNR and its best rival's",
    )
    note = "Paper A has other data sets and larger networks: compare the gains, not the levels.\n"
    return table(header, lines) + "\n" + note


def cooperation_table(rows: Mapping[str, Result]) -> str:
    """Stage 3 against stages 1 and 2 alone, and EGSyn with the mask against without it."""
    lines = []
    for name, row in rows.items():
        found = row["variants"]
        psnr = [f"{found[v]['psnr_restored']:.2f}" for v in (UNGUIDED, SEPARATE, UNGUIDED_LONGER, LONGER, COOPERATIVE)]
        differences = [row["stage_3_over"][v] for v in (LONGER, UNGUIDED_LONGER)]
        over = [with_error(found["psnr"], found["standard_error"], "+.2f") for found in differences]
        miou = [f"{found[v]['refined']['set']['miou']:.3f}" for v in (SEPARATE, LONGER, COOPERATIVE)]
        lines.append([label(name), *psnr, *over, *miou])
    header = (
        "degradation",
        *("PSNR: no mask", "stages 1 + 2", "no mask, longer", "stages 1 + 2, longer", "stage 3"),
        *("stage 3 over longer", "stage 3 over no mask, longer"),
        *("mIoU: stages 1 + 2", "longer", "stage 3"),
    )
    note = (
        "`longer`: as many steps again as stage 3 takes, but the restoration's error does not reach SGAda. `no mask`: "
        "EGSyn sees 1/K everywhere, in training too. Differences are means over the same frames, with their standard "
        "errors; each network was trained once.\n"
    )
    return table(header, lines) + "\n" + note


def printed_gain(printed: Published, key: str, form: str) -> str:
    """The paper's own gain, or a dash if it prints no degraded figure."""
    gain = printed.gain(key)
    return "-" if gain is None else f"{gain:{form}}"


def rival(printed: Published) -> str:
    """The paper's PSNR, and its best rival's."""
    others = {name: scores.psnr or 0.0 for name, scores in printed.rivals.items() if OURS not in name}
    name = max(others, key=others.__getitem__)
    return f"{printed.refined.psnr:.2f}, {name} {others[name]:.2f}"


COLOURS = {UNGUIDED_LONGER: GREY, SEPARATE: VIOLET, LONGER: BLUE, COOPERATIVE: TEAL}
Rows = Mapping[str, Result]


def draw_gains(rows: Rows, path: Path) -> None:
    """Gains in PSNR and in mIoU, ours beside the paper's if it prints them."""
    figure, panels = pyplot.subplots(1, 2, figsize=(10, 3.4), layout="constrained")
    _draw_gain(panels[0], rows, "psnr", "PSNR gain, dB")
    _draw_gain(panels[1], rows, "miou", "mIoU gain")
    panels[0].legend(frameon=False)
    save_plot(figure, path)


def draw_cooperation(rows: Rows, path: Path) -> None:
    """PSNR gain over the degraded frames, and the refined mask's mIoU over the original's, of every variant."""
    figure, panels = pyplot.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
    wide = 0.8 / len(COLOURS)
    for number, (variant, colour) in enumerate(COLOURS.items()):
        places = [place + (number - (len(COLOURS) - 1) / 2) * wide for place in range(len(rows))]
        found = [row["variants"][variant] for row in rows.values()]
        panels[0].bar(places, [psnr_gain(v) for v in found], wide, color=colour, label=variant)
        if variant != UNGUIDED_LONGER:
            panels[1].bar(places, [miou_gain(v) for v in found], wide, color=colour)
    for panel, title in zip(panels, ("PSNR gain, dB", "mIoU gain"), strict=True):
        _name_rows(panel, [name.replace("_", " ") for name in rows], title)
    panels[0].legend(frameon=False, fontsize=8)
    save_plot(figure, path)


def _draw_gain(panel: Any, rows: Rows, key: str, title: str) -> None:
    ours = [GAINS[key](row["variants"][COOPERATIVE]) for row in rows.values()]
    panel.bar([place - 0.2 for place in range(len(rows))], ours, 0.4, color=TEAL, label="ours")
    gains = [BY_DEGRADATION[name].gain(key) for name in rows]
    printed = {place + 0.2: gain for place, gain in enumerate(gains) if gain is not None}
    panel.bar(list(printed), list(printed.values()), 0.4, color=GREY, label="paper A (its own data)")
    _name_rows(panel, [label(name) for name in rows], title)


def _name_rows(panel: Any, names: list[str], title: str) -> None:
    panel.set_xticks(range(len(names)), names, rotation=30, ha="right", fontsize=8)
    panel.axhline(0, color="black", linewidth=0.6)
    panel.set_title(title, fontsize=10)
    panel.spines[["top", "right"]].set_visible(False)


def reading(rows: Mapping[str, Result]) -> str:
    """The figures in sentences."""
    found = {name: row["variants"][COOPERATIVE] for name, row in rows.items()}
    ours = {key: {name: gain(scores) for name, scores in found.items()} for key, gain in GAINS.items()}
    lines = [
        verdict("restored PSNR above the degraded", [name for name, gain in ours["psnr"].items() if gain <= 0], rows),
        verdict("refined mIoU above the original's", [name for name, gain in ours["miou"].items() if gain <= 0], rows),
    ]
    for key, measure in (("psnr", "a PSNR"), ("miou", "an mIoU")):
        gains = {name: BY_DEGRADATION[name].gain(key) for name in rows}
        printed = {name: gain for name, gain in gains.items() if gain is not None}
        below = [name for name, gain in printed.items() if ours[key][name] < gain]
        lines.append(verdict(f"{measure} gain as large as the paper's", below, printed))
    lines += [
        significance("stage 3 above stages 1 + 2, longer", rows, LONGER),
        significance("stage 3 above no mask, longer", rows, UNGUIDED_LONGER),
    ]
    return "\n".join([*lines, ""])


def verdict(claim: str, failing: Sequence[str], rows: Mapping[str, Any]) -> str:
    """How many rows a claim holds for, and for which rows it does not."""
    held = len(rows) - len(failing)
    rest = f"; not for {', '.join(label(name) for name in failing)}" if failing else ""
    return f"- {claim}: {held} of {len(rows)} rows{rest}"


def significance(claim: str, rows: Mapping[str, Result], other: str) -> str:
    """In how many rows a difference is beyond two standard errors, either way."""
    over = {name: row["stage_3_over"][other] for name, row in rows.items()}
    above = [label(n) for n, d in over.items() if d["psnr"] > 2 * d["standard_error"]]
    below = [label(n) for n, d in over.items() if d["psnr"] < -2 * d["standard_error"]]
    mean = sum(d["psnr"] for d in over.values()) / len(over)
    return (
        f"- {claim}, by more than two standard errors: {', '.join(above) or 'no row'}; below it by as much: "
        f"{', '.join(below) or 'no row'}; mean over the rows {mean:+.2f} dB"
    )


def label(name: str) -> str:
    """The paper's short name of a degradation."""
    return BY_DEGRADATION[name].label


def psnr_gain(scores: Result) -> float:
    """Restored over degraded, dB."""
    return float(scores["psnr_restored"] - scores["psnr_degraded"])


def miou_gain(scores: Result) -> float:
    """Refined over original, over the whole set."""
    return float(scores["refined"]["set"]["miou"] - scores["original"]["set"]["miou"])


GAINS = {"psnr": psnr_gain, "miou": miou_gain}
"""Our gains, by the keys of the printed scores."""
