"""Writes paper A's reproduction for people: tables beside the printed ones, plots, and what falls short."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from training.reproduce.paper_a.plots import draw_cooperation, draw_gains
from training.reproduce.paper_a.published import OURS, TABLES, Published
from training.reproduce.paper_a.runs import COOPERATIVE, LONGER, SEPARATE, UNGUIDED, UNGUIDED_LONGER
from training.reproduce.paper_a.scales import Scale
from training.reproduce.results import table

Result = Mapping[str, Any]
PUBLISHED = {row.degradation: row for row in TABLES}


def settings(scale: Scale) -> dict[str, Any]:
    """The scale as JSON."""
    found = dataclasses.asdict(scale)
    found["training"]["egsyn_loss"].pop("vgg19_weights")
    return found


def write(result: Result, folder: Path) -> None:
    """Write A.md and its plots beside A.json."""
    parts = [heading(result)]
    for experiment in result["experiments"]:
        name = f"A_{experiment['name']}"
        draw_gains(experiment["rows"], PUBLISHED, folder / f"{name}_gains.svg")
        draw_cooperation(experiment["rows"], folder / f"{name}_cooperation.svg")
        parts += [section(experiment, name)]
    if result["absent"]:
        parts += ["## Not run, for want of data\n\n" + "\n".join(f"- {line}" for line in result["absent"]) + "\n"]
    (folder / "A.md").write_text("\n".join(parts))


def heading(result: Result) -> str:
    """Where the figures come from."""
    scale, steps = result["scale"], result["scale"]["training"]
    stages = " + ".join(str(steps[f"{stage}_steps"]) for stage in ("sgada", "egsyn", "joint"))
    features = (
        "VGG-19" if steps["egsyn_loss"]["perceptual_features"] == "vgg19" else "none (no perceptual, no style loss)"
    )
    facts = [
        ("command", f"`{result['command']}`"),
        ("commit of the report", result["commit"]),
        ("seed", str(result["seed"])),
        ("machine", f"{result['machine']}, {result['jobs']} rows at a time, torch {result['torch']}"),
        ("steps of stages 1, 2, 3", stages),
        ("crops of stage 2", crops(steps["data"]["crop"], steps["batch"], steps["learning_rate"])),
        ("crops of stages 1 and 3", crops(*scale["whole"]) if scale["whole"] else "the same"),
        ("feature extractor", features),
        ("models", "one for each row, one original segmenter for a data set"),
    ]
    return (
        "# Paper A: cooperative segmentation and restoration, reproduced\n\n"
        f"Made by the command below at the {scale['name']} scale; [A.json](A.json) holds every figure.\n\n"
        + table(("", ""), facts).replace("---:", "---")
    )


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
            f"- trained at commit {', '.join(experiment['commits'])}",
            f"- its masks of the clear frames: mIoU {experiment['clean']['set']['miou']:.3f}, "
            f"PA {experiment['clean']['set']['pa']:.3f}\n",
            "### After stage 3, before and after\n",
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
                *(f"{before[key]:.3f} -> {after[key]:.3f}" for key in ("pa", "mpa", "miou", "fwiou")),
            ]
        )
    return table(("degradation", "PSNR, dB", "SSIM", "PA", "mPA", "mIoU", "FWIoU"), lines)


def gains_table(rows: Mapping[str, Result]) -> str:
    """Gains in PSNR and mIoU beside the paper's, where its tables have them; its data are others."""
    lines = []
    for name, row in rows.items():
        found, printed = row["variants"][COOPERATIVE], PUBLISHED[name]
        lines.append(
            [
                label(name),
                f"{psnr_gain(found):+.2f}",
                printed_gain(printed, "psnr", "{:+.2f}"),
                f"{miou_gain(found):+.3f}",
                printed_gain(printed, "miou", "{:+.3f}"),
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
    note = "Paper A's rows are of other data sets and of larger networks: gains can be compared, levels cannot.\n"
    return table(header, lines) + "\n" + note


def cooperation_table(rows: Mapping[str, Result]) -> str:
    """Stage 3 against stages 1 and 2 alone, and EGSyn with the mask against without it."""
    lines = []
    for name, row in rows.items():
        found = row["variants"]
        psnr = [f"{found[v]['psnr_restored']:.2f}" for v in (UNGUIDED, SEPARATE, UNGUIDED_LONGER, LONGER, COOPERATIVE)]
        over = [difference(row["stage_3_over"][v]) for v in (LONGER, UNGUIDED_LONGER)]
        miou = [f"{found[v]['refined']['set']['miou']:.3f}" for v in (SEPARATE, LONGER, COOPERATIVE)]
        lines.append([label(name), *psnr, *over, *miou])
    header = (
        "degradation",
        *("PSNR: no mask", "stages 1 + 2", "no mask, longer", "stages 1 + 2, longer", "stage 3"),
        *("stage 3 over longer", "stage 3 over no mask, longer"),
        *("mIoU: stages 1 + 2", "longer", "stage 3"),
    )
    note = (
        "`longer`: as many steps again as stage 3 takes, without the restoration's error reaching SGAda. `no mask`: "
        "EGSyn is given 1/K everywhere, in training too. Differences are means over the same frames, with their "
        "standard errors; each network was trained once.\n"
    )
    return table(header, lines) + "\n" + note


def reading(rows: Mapping[str, Result]) -> str:
    """What the figures say, in sentences that hold for them."""
    found = {name: row["variants"][COOPERATIVE] for name, row in rows.items()}
    return "\n".join(
        (
            verdict("restored PSNR above the degraded", [n for n, v in found.items() if psnr_gain(v) <= 0], rows),
            verdict("refined mIoU above the original's", [n for n, v in found.items() if miou_gain(v) <= 0], rows),
            verdict(
                "a PSNR gain as large as the paper's", below(found, "psnr", psnr_gain), printed_rows(found, "psnr")
            ),
            verdict(
                "an mIoU gain as large as the paper's", below(found, "miou", miou_gain), printed_rows(found, "miou")
            ),
            significance("stage 3 above stages 1 + 2, longer", rows, LONGER),
            significance("stage 3 above no mask, longer", rows, UNGUIDED_LONGER),
            "",
        )
    )


def verdict(claim: str, failing: Sequence[str], rows: Sequence[str] | Mapping[str, Any]) -> str:
    """How many rows a claim holds for, and which it does not."""
    held = len(rows) - len(failing)
    rest = f"; not for {', '.join(label(name) for name in failing)}" if failing else ""
    return f"- {claim}: {held} of {len(rows)} rows{rest}"


def significance(claim: str, rows: Mapping[str, Result], other: str) -> str:
    """In how many rows a difference is beyond two standard errors, either way."""
    over = {name: row["stage_3_over"][other] for name, row in rows.items()}
    above = [label(n) for n, d in over.items() if d["psnr"] > 2 * d["standard_error"]]
    below_ = [label(n) for n, d in over.items() if d["psnr"] < -2 * d["standard_error"]]
    mean = sum(d["psnr"] for d in over.values()) / len(over)
    return (
        f"- {claim}, by more than two standard errors: {', '.join(above) or 'no row'}; below it by as much: "
        f"{', '.join(below_) or 'no row'}; mean over the rows {mean:+.2f} dB"
    )


def printed_rows(found: Mapping[str, Any], key: str) -> list[str]:
    """The rows whose gain the paper prints."""
    return [name for name in found if getattr(PUBLISHED[name].degraded, key) is not None]


def below(found: Mapping[str, Result], key: str, gain: Any) -> list[str]:
    """The rows whose gain is smaller than the printed one."""
    return [
        name
        for name in printed_rows(found, key)
        if gain(found[name]) < getattr(PUBLISHED[name].refined, key) - getattr(PUBLISHED[name].degraded, key)
    ]


def label(name: str) -> str:
    """The paper's short name of a degradation."""
    return PUBLISHED[name].label


def psnr_gain(scores: Result) -> float:
    """Restored over degraded, dB."""
    return scores["psnr_restored"] - scores["psnr_degraded"]


def miou_gain(scores: Result) -> float:
    """Refined over original, over the whole set."""
    return scores["refined"]["set"]["miou"] - scores["original"]["set"]["miou"]


def printed_gain(printed: Published, key: str, form: str) -> str:
    """The paper's own gain, or a dash where it prints no degraded figure."""
    before, after = getattr(printed.degraded, key), getattr(printed.refined, key)
    return form.format(after - before) if before is not None else "-"


def rival(printed: Published) -> str:
    """The paper's PSNR, and its best rival's."""
    others = {name: scores.psnr or 0.0 for name, scores in printed.rivals.items() if OURS not in name}
    name = max(others, key=others.__getitem__)
    return f"{printed.refined.psnr:.2f}, {name} {others[name]:.2f}"


def difference(over: Mapping[str, float]) -> str:
    """A difference with its standard error, dB."""
    return f"{over['psnr']:+.2f} ± {over['standard_error']:.2f}"
