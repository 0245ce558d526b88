"""The rows of paper B's tables: each changes what its table names, and nothing else."""

import dataclasses

from training.recipes.paper_b.config import MoeWirNetConfig
from training.reproduce.paper_b.rows import expert_rows, routing_rows, share_rows


def test_table_5_has_the_four_combinations_and_ours_with_every_reading() -> None:
    rows = routing_rows(MoeWirNetConfig())
    sides = [(row.encoder.kind, row.decoder.kind) for row in rows.values()]
    assert sides[:4] == [("soft", "soft"), ("uniform", "uniform"), ("uniform", "soft"), ("soft", "uniform")]
    assert sides[4:6] == [("soft", "argmax"), ("soft", "top_k")]
    assert rows["soft encoder, hard decoder"] == MoeWirNetConfig()
    assert rows["soft encoder that sees the image, hard decoder"].encoder.gating == "image"


def test_table_6_and_figure_6_change_one_thing_only() -> None:
    base = MoeWirNetConfig()
    for row in expert_rows(base).values():
        assert dataclasses.replace(row, experts=base.experts) == base
    assert [row.share for row in share_rows(base).values()] == [0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
