"""Paper A's reproduction as a page: tables beside the printed ones, plots as SVG, and a reading."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib import pyplot

from training.data.degradations.protocols import RELEASED_SCRIPTS
from training.reproduce.paper_a.figures import MASKS, Row, change, figures, gain, in_words, label
from training.reproduce.paper_a.published import BY_DEGRADATION, CLEAN, OURS, Printed
from training.reproduce.paper_a.reading import reading
from training.reproduce.paper_a.scales import CooperationScale
from training.reproduce.paper_a.trainings import COOPERATIVE, LONGER, SEPARATE, TUNED, UNGUIDED, UNGUIDED_LONGER
from training.reproduce.results import BLUE, GREY, TEAL, VIOLET, Result, heading, save_plot, table
from training.reproduce.rivals import rivals_table

Rows = Mapping[str, Row]


def settings(scale: CooperationScale) -> dict[str, Any]:
    """The scale as JSON, without this machine's paths."""
    found = dataclasses.asdict(scale)
    found["training"]["egsyn_loss"].pop("vgg19_weights")
    return found


def page(result: Result, folder: Path) -> str:
    """The page, whose plots this writes to `folder`."""
    parts = [heading(result, "Paper A: cooperative segmentation and restoration, reproduced", "rows", facts(result))]
    for experiment in result["experiments"]:
        name = f"A_{title(experiment).replace(', ', '_').replace(' ', '_')}"
        draw_gains(experiment["rows"], folder / f"{name}_gains.svg")
        draw_cooperation(experiment["rows"], folder / f"{name}_cooperation.svg")
        parts.append(section(experiment, name))
    return "\n".join(parts)


def title(experiment: Result) -> str:
    """An experiment's data, and its protocol if it is not the text's."""
    released = experiment["protocol"] == RELEASED_SCRIPTS
    copy = f", a copy in {experiment['copy']}" if experiment.get("copy") else ""
    return experiment["name"] + copy + (f", released scripts, {experiment['noise']} noise" if released else "")


def facts(result: Result) -> list[tuple[str, str]]:
    """The seeds, and the steps and examples of each stage."""
    scale, training = result["scale"], result["scale"]["training"]
    loss, share = training["egsyn_loss"], training["sgada_loss"]
    vgg19 = loss["perceptual_features"] == "vgg19"
    return [
        ("seeds", f"{scale['seeds']}, from {result['seed']}"),
        ("steps of stages 1, 2, 3", f"{training['sgada_steps']} + {training['egsyn_steps']} + {training['steps']}"),
        ("crops of stage 2", crops(training["data"]["crop"], training["batch"], training["learning_rate"])),
        ("crops of stages 1 and 3", crops(*scale["whole"]) if scale["whole"] else "the same"),
        ("weights", f"L1 {loss['l1']:g}, adversarial {loss['adversarial']:g}, variation {loss['total_variation']:g}"),
        (
            "gradients on Sr, of the cross-entropy's",
            f"adversarial {share['adversarial_share']:g}, restoration in stage 3 {share['restoration_share']:g}",
        ),
        ("feature extractor", "VGG-19" if vgg19 else "none (no perceptual, no style loss)"),
        ("models", "one for each row and seed, one original segmenter for a data set"),
    ]


def crops(size: Sequence[int], batch: int, rate: float) -> str:
    """What a stage learns from, and how fast."""
    return f"{batch} of {list(size)}, learning rate {rate:g}"


def section(experiment: Result, name: str) -> str:
    """One experiment's tables, plots and reading."""
    rows, clean = experiment["rows"], experiment["clean"]
    parameters = ", ".join(f"{part} {count / 1e6:.2f} M" for part, count in experiment["parameters"].items())
    return "\n".join(
        (
            f"## {title(experiment)}\n",
            *(f"- {line}" for line in experiment["data"]),
            f"- command: `{experiment['command']}`",
            f"- original segmentation: {experiment['segmenter']}",
            *([f"- reflected: {experiment['reflected']}"] if "reflection" in rows else []),
            f"- parameters: {parameters}",
            f"- trained at commit {', '.join(experiment['commits'])}\n",
            *(["### The original segmentation of clear frames\n", clean_table(clean)] if clean else []),
            "### Degraded and restored frames, beside the paper's\n",
            levels_table(rows),
            "### By strength\n",
            strengths_table(rows),
            "### Our gains beside the paper's\n",
            gains_table(rows),
            f"![gains]({name}_gains.svg)\n",
            "### What the cooperation is worth\n",
            cooperation_table(rows),
            f"![cooperation]({name}_cooperation.svg)\n",
            *rivals(experiment),
            "### Reading\n",
            reading(rows),
        )
    )


def rivals(experiment: Result) -> list[str]:
    """The networks of --rival beside stage 3, row by row; nothing without any."""
    parts: list[str] = []
    for name, found in experiment.get("rivals", {}).items():
        if found:
            ours = {seed: {"weathers": {name: restored(one)}} for seed, one in experiment["rows"][name].items()}
            parts.append(rivals_table(found, ours, "stage 3", "psnr"))
    told = "### Rivals, PSNR in dB\n\nA rival takes the steps of stages 2 and 3, on the crops of stage 2.\n"
    return [told, *parts] if parts else []


def restored(scores: Result) -> Result:
    """Stage 3's scores of the restored images, as those of a rival."""
    found = scores["variants"][COOPERATIVE]
    return {"psnr": found["psnr_restored"], "frames": found["frames"], "identical": found["identical"]}


def clean_table(clean: Result) -> str:
    """Table 1's first row: its data set is another one, so levels cannot be compared."""
    lines = {
        "ours": clean["text"],
        "ours, as the released scripts score": clean["released"],
        "paper A, on CelebAMask-HQ (Table 1, first row)": CLEAN._asdict(),
    }
    return table(("", *MASKS.values()), [[name, *(f"{found[m]:.3f}" for m in MASKS)] for name, found in lines.items()])


def levels_table(rows: Rows) -> str:
    """PSNR, SSIM and the masks' scores, before and after: ours by both ways to score, the paper's and its rivals'."""
    lines = [line for name, row in rows.items() for line in (*our_lines(name, row), *printed_lines(name))]
    note = (
        "Ours are means over the frames and the seeds: with the text's scores, masks are scored over the whole set and "
        "without void, SSIM in colour with a Gaussian window; with the released scripts', masks image by image with "
        "void as a class, SSIM on grey with a uniform window of 7 pixels.\n"
    )
    return table(("degradation", "PSNR, dB", "SSIM", *MASKS.values()), lines) + "\n" + note


def our_lines(name: str, row: Row) -> Iterator[list[str]]:
    """Our scores of stage 3, by the text and by the released scripts."""
    psnr = change(row, COOPERATIVE, "psnr_degraded", "psnr_restored", ".2f")
    for told, images, masks in (
        ("ours", "ssim_{}", "{}.set.{}"),
        ("ours, released scores", "released.ssim_{}", "released.{}.{}"),
    ):
        ssim = change(row, COOPERATIVE, images.format("degraded"), images.format("restored"), ".4f")
        scores = [
            change(row, COOPERATIVE, masks.format("original", mask), masks.format("refined", mask), ".4f")
            for mask in MASKS
        ]
        yield [f"{label(name)}, {told}", psnr, ssim, *scores]


def printed_lines(name: str) -> Iterator[list[str]]:
    """The paper's own scores, and its rivals'."""
    printed = BY_DEGRADATION[name]
    theirs = [printed_change(printed.degraded, printed.refined, key) for key in Printed._fields]
    yield [f"{label(name)}, paper A, Table {printed.tables.split(',')[0]}", *theirs]
    for rival, scores in printed.rivals.items():
        yield [f"{label(name)}, {rival}", *(printed_change(Printed(), scores, key) for key in Printed._fields)]


def printed_change(before: Printed, after: Printed, key: str) -> str:
    """A printed figure before and after, as far as the paper prints it."""
    form = ".2f" if key == "psnr" else ".4f"
    found = [f"{value:{form}}" for value in (getattr(before, key), getattr(after, key)) if value is not None]
    return " -> ".join(found) or "-"


def strengths_table(rows: Rows) -> str:
    """Stage 3's scores by the strength of the degradation."""
    lines = []
    for name, row in rows.items():
        for level in next(iter(row.values()))["variants"][COOPERATIVE].get("levels", {}):
            found = {seed: {"variants": {COOPERATIVE: at_level(scores, level)}} for seed, scores in row.items()}
            lines.append(
                [
                    f"{label(name)}, {level}",
                    str(next(iter(found.values()))["variants"][COOPERATIVE]["frames"]),
                    change(found, COOPERATIVE, "psnr_degraded", "psnr_restored", ".2f"),
                    change(found, COOPERATIVE, "ssim_degraded", "ssim_restored", ".3f"),
                    change(found, COOPERATIVE, "original.set.miou", "refined.set.miou", ".3f"),
                ]
            )
    return table(("degradation", "frames", "PSNR, dB", "SSIM", "mIoU"), lines)


def at_level(scores: Result, level: str) -> Result:
    """Stage 3's scores of the frames of one strength."""
    found: Result = scores["variants"][COOPERATIVE]["levels"][level]
    return found


def gains_table(rows: Rows) -> str:
    """Gains in PSNR and mIoU beside the paper's, if its tables have them."""
    lines = [
        [
            label(name),
            signed(psnr_gain(row), "+.2f"),
            signed(BY_DEGRADATION[name].gain("psnr"), "+.2f"),
            signed(miou_gain(row), "+.3f"),
            signed(BY_DEGRADATION[name].gain("miou"), "+.3f"),
            rival(name),
        ]
        for name, row in rows.items()
    ]
    header = (
        "degradation",
        *("PSNR gain, ours", "paper A", "mIoU gain, ours", "paper A"),
        "paper A's PSNR and its best rival's",
    )
    return table(header, lines)


def cooperation_table(rows: Rows) -> str:
    """Stage 3 against stages 1 and 2 alone, EGSyn with the mask against without it, and the tuned segmenter."""
    restorers = (UNGUIDED, SEPARATE, UNGUIDED_LONGER, LONGER, COOPERATIVE)
    maskers = (SEPARATE, LONGER, COOPERATIVE, TUNED)
    lines = [
        [
            label(name),
            *(in_words(figures(row, variant, "psnr_restored"), ".2f") for variant in restorers),
            *(in_words(figures(row, variant, "refined.set.miou"), ".3f") for variant in maskers),
        ]
        for name, row in rows.items()
    ]
    header = (
        "degradation",
        *("PSNR: no mask", "stages 1 + 2", "no mask, longer", "stages 1 + 2, longer", "stage 3"),
        *("mIoU: stages 1 + 2", "longer", "stage 3", "tuned segmenter"),
    )
    note = (
        "Means with standard deviations over the seeds. `longer`: as many steps again as stage 3 takes, but the "
        "restoration's error does not reach SGAda. `no mask`: EGSyn sees 1/K everywhere, in training too. `tuned "
        "segmenter`: the original one, which learns on from degraded frames for the steps of stages 1 and 3.\n"
    )
    return table(header, lines) + "\n" + note


def signed(value: float | None, form: str) -> str:
    """A gain, or a dash for none."""
    return "-" if value is None else f"{value:{form}}"


def rival(name: str) -> str:
    """The paper's PSNR, and its best rival's."""
    printed = BY_DEGRADATION[name]
    others = {who: scores.psnr or 0.0 for who, scores in printed.rivals.items() if OURS not in who}
    best = max(others, key=others.__getitem__)
    return f"{printed.refined.psnr:.2f}, {best} {others[best]:.2f}"


def psnr_gain(row: Row, variant: str = COOPERATIVE) -> float | None:
    """Restored over degraded, dB, mean over the seeds."""
    return gain(row, variant, "psnr_degraded", "psnr_restored")


def miou_gain(row: Row, variant: str = COOPERATIVE) -> float | None:
    """Refined over original, over the whole set, mean over the seeds."""
    return gain(row, variant, "original.set.miou", "refined.set.miou")


COLOURS = {UNGUIDED_LONGER: GREY, SEPARATE: VIOLET, LONGER: BLUE, COOPERATIVE: TEAL}
GAINS = {"psnr": psnr_gain, "miou": miou_gain}
"""Our gains, by the keys of the printed scores."""


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
        panels[0].bar(
            places, [psnr_gain(row, variant) or 0 for row in rows.values()], wide, color=colour, label=variant
        )
        if variant != UNGUIDED_LONGER:
            panels[1].bar(places, [miou_gain(row, variant) or 0 for row in rows.values()], wide, color=colour)
    for panel, told in zip(panels, ("PSNR gain, dB", "mIoU gain"), strict=True):
        _name_rows(panel, [name.replace("_", " ") for name in rows], told)
    panels[0].legend(frameon=False, fontsize=8)
    save_plot(figure, path)


def _draw_gain(panel: Any, rows: Rows, key: str, told: str) -> None:
    ours = [GAINS[key](row) or 0 for row in rows.values()]
    panel.bar([place - 0.2 for place in range(len(rows))], ours, 0.4, color=TEAL, label="ours")
    gains = [BY_DEGRADATION[name].gain(key) for name in rows]
    printed = {place + 0.2: value for place, value in enumerate(gains) if value is not None}
    panel.bar(list(printed), list(printed.values()), 0.4, color=GREY, label="paper A (its own data)")
    _name_rows(panel, [label(name) for name in rows], told)


def _name_rows(panel: Any, names: list[str], told: str) -> None:
    panel.set_xticks(range(len(names)), names, rotation=30, ha="right", fontsize=8)
    panel.axhline(0, color="black", linewidth=0.6)
    panel.set_title(told, fontsize=10)
    panel.spines[["top", "right"]].set_visible(False)
