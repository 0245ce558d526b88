"""A tiny SegFormer in a folder, as save_pretrained writes it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import SegformerConfig, SegformerForSemanticSegmentation


def write_segformer(folder: Path, classes: Sequence[str], **preprocessing: Any) -> Path:
    """Untrained; its image processor has mean 0.5, standard deviation 0.2, and the settings given."""
    torch.manual_seed(0)
    config = SegformerConfig(
        depths=[1, 1, 1, 1],
        hidden_sizes=[8, 8, 8, 8],
        num_attention_heads=[1, 1, 1, 1],
        decoder_hidden_size=8,
        id2label=dict(enumerate(classes)),
    )
    SegformerForSemanticSegmentation(config).save_pretrained(folder)
    settings = {"image_mean": [0.5] * 3, "image_std": [0.2] * 3, **preprocessing}
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    return folder
