import json
from pathlib import Path

import numpy as np
import pytest
import torch

from qa.training.corpus.arrays import Corpus
from qa.training.export import (
    Inputs,
    draw_samples,
    export,
    export_float,
    hash_file,
    quantise,
    run_onnx,
)
from qa.training.groups import Mix, make_batch, make_group
from qa.training.model import ReaderModel, Scores
from tests.training.conftest import TOKENIZER


def test_the_exported_model_gives_the_models_scores_at_any_size(
    corpus: Corpus, tiny_model: Path, tmp_path: Path
) -> None:
    model = ReaderModel.load(tiny_model)
    export_float(model, tmp_path / "float.onnx")
    groups = [
        make_group(corpus, Mix(absent=0), number, rng=np.random.default_rng(number))
        for number in range(7)
    ]
    for part in (groups, groups[:1]):
        batch = make_batch(corpus, part)
        with torch.inference_mode():
            expected = model(*(torch.from_numpy(field) for field in batch[:3]))
        scores = run_onnx(tmp_path / "float.onnx", Inputs(*batch[:3]), threads=1)
        real = batch.attention_mask.astype(bool)
        for name in ("start", "end", "sentence"):
            assert getattr(scores, name)[real] == pytest.approx(
                getattr(expected, name).numpy()[real], abs=1e-4
            )
        assert scores.null == pytest.approx(expected.null.numpy(), abs=1e-4)


def test_integers_change_the_scores_little(
    corpus: Corpus, tiny_model: Path, tmp_path: Path
) -> None:
    export_float(ReaderModel.load(tiny_model), tmp_path / "float.onnx")
    samples = draw_samples(corpus, questions=4)
    quantise(tmp_path / "float.onnx", tmp_path / "int8.onnx", samples=samples)
    assert (tmp_path / "int8.onnx").stat().st_size < 0.4 * (tmp_path / "float.onnx").stat().st_size
    for sample in samples:
        exact, rounded = (
            run_onnx(tmp_path / f"{kind}.onnx", sample, threads=1) for kind in ("float", "int8")
        )
        for name in Scores._fields:
            assert getattr(rounded, name) == pytest.approx(getattr(exact, name), abs=0.02), name


def test_an_export_replaces_the_folder_and_says_what_it_holds(
    corpus: Corpus, tiny_model: Path, tmp_path: Path
) -> None:
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "old").touch()
    description = export(
        tiny_model, TOKENIZER, tmp_path / "weights", samples=draw_samples(corpus, questions=2)
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["weights"]
    assert sorted(path.name for path in (tmp_path / "weights").iterdir()) == [
        "config.json",
        "model.onnx",
        "tokenizer.json",
    ]
    assert json.loads((tmp_path / "weights" / "config.json").read_text()) == description
    assert description["model_sha256"] == hash_file(tmp_path / "weights" / "model.onnx")
    assert description["checkpoint_sha256"] == hash_file(tiny_model / "model.safetensors")
