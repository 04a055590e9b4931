from __future__ import annotations

import csv
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tiny
import yaml
from sqlalchemy import text
from typer.testing import CliRunner, Result

from alframe.cli import app
from alframe.functional.randomness import generator
from alframe.pool import Ledger
from alframe.registry import PromotionLog
from alframe.run import run
from alframe.score import find_model
from alframe.storage import file_sha256, open_database, read_manifest, read_predictions, sqlite_url
from alframe.storage.run_folder import DATABASE
from alframe.storage.tables import PromotionRow
from alframe.strategy import Margin

TINY = ["cycle.initial=20", "cycle.batch=10", "cycle.rounds=1", "training.epochs=1", "training.epoch_size=64"]
RUN = "digits-entropy-seed0"
MODEL = f"model=runs/{RUN}"
STORE = Path(f"predictions/{RUN}-round1-digits")


def alframe(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def said(result: Result) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", result.output)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished run of two rounds; nothing is written into the run again."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["alframe"])
        result = alframe("run", "-q", *TINY)
    assert result.exit_code == 0, said(result)
    return folder


@pytest.fixture(autouse=True)
def folder(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "runs").symlink_to(trained / "runs")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["alframe"])
    monkeypatch.setenv("COLUMNS", "120")
    return tmp_path


def unlabelled() -> list[str]:
    """The ids that the run's ledger does not know, without the held-out ones."""
    from alframe.data import Digits

    table = Digits().table
    database = open_database(sqlite_url(Path("runs") / RUN / DATABASE))
    known = Ledger(database).current()
    database.dispose()
    return [name for name in table.ids[~table.held_out].tolist() if name not in known]


def test_the_pool_of_a_run_is_what_it_has_not_labelled(folder: Path) -> None:
    """By the last round's learner; neither held-out samples nor labelled ones; what is said fits what is there."""
    result = alframe("score", MODEL)
    assert result.exit_code == 0, said(result)
    found = read_predictions(folder / STORE)
    assert found.ids.tolist() == unlabelled()
    assert len(found) == 1317
    assert found.embeddings is not None
    manifest, weights = read_manifest(folder / STORE), folder / "runs" / RUN / "round-001/weights.safetensors"
    assert manifest.request.model == file_sha256(weights)
    for words in ("1317 images of digits through round 1", "1317 predictions", "embeddings, probs", "images a second"):
        assert words in said(result)


def test_a_finished_pool_is_not_scored_again(folder: Path) -> None:
    """The same command says so and changes nothing; another one does not mix its predictions with these."""
    alframe("score", "-q", MODEL)
    before = {path.name: path.stat().st_mtime_ns for path in (folder / STORE).iterdir()}
    again = alframe("score", MODEL)
    assert "has these predictions already" in said(again)
    other = alframe("score", MODEL, "seed=1")
    assert other.exit_code == 2
    assert "seed: 0 -> 1" in said(other)
    assert "folder of their own (output=...)" in said(other)
    after = {path.name: path.stat().st_mtime_ns for path in (folder / STORE).iterdir()}
    assert {name for name in before if before[name] != after[name]} <= {".lock", "alframe.log"}


def test_other_data_and_earlier_rounds(folder: Path) -> None:
    """All of other data is the pool, with its held-out samples if they are wanted; the round is the one asked for."""
    options = ("data=digits", "data.split_seed=1", "model_round=0", "needs=[bald]")
    assert alframe("score", "-q", MODEL, *options, "output=some").exit_code == 0
    assert alframe("score", "-q", MODEL, *options, "output=every", "held_out=true").exit_code == 0
    some, every = read_predictions(folder / "some"), read_predictions(folder / "every")
    assert len(every) == 1797
    assert set(some.ids.tolist()) < set(every.ids.tolist())
    assert some.bald is not None
    assert some.probs is None
    first = folder / "runs" / RUN / "round-000/weights.safetensors"
    assert read_manifest(folder / "some").request.model == file_sha256(first)


def test_each_round_has_a_folder_of_its_own(folder: Path) -> None:
    """One more round does not meet the predictions of the one before."""
    for round in (0, 1):
        assert alframe("score", "-q", MODEL, f"model_round={round}").exit_code == 0
        weights = folder / "runs" / RUN / f"round-00{round}/weights.safetensors"
        found = read_manifest(folder / f"predictions/{RUN}-round{round}-digits")
        assert found.request.model == file_sha256(weights)


def test_the_champion_predicts_unless_another_is_named(trained: Path, tmp_path: Path) -> None:
    """Rolled back, it is the one before, and not the last; a run of an earlier version, without a log, has its last."""
    copy = shutil.copytree(trained / "runs" / RUN, tmp_path / "copy")
    assert find_model(copy, None).round == 1
    database = open_database(sqlite_url(copy / DATABASE))
    PromotionLog(database).roll_back(key="back", reason="worse")
    assert (find_model(copy, None).round, find_model(copy, 1).round, find_model(copy, 0).round) == (0, 1, 0)
    with database.begin() as connection:
        connection.execute(text("DROP TABLE promotions"))
        PromotionRow.metadata.tables["promotions"].create(connection)
    assert find_model(copy, None).round == 1
    database.dispose()


def test_other_images_under_the_same_names_are_not_taken_for_these(folder: Path) -> None:
    """Names and weights are equal, the folder is another: that is said, and so is another precision of the pass."""
    for place, shade in (("a", 0), ("b", 255)):
        (folder / place / "photos").mkdir(parents=True)
        for name in ("1.png", "2.png"):
            cv2.imwrite(str(folder / place / "photos" / name), np.full((8, 8), shade, dtype=np.uint8))
    first = (MODEL, "data=unlabelled_folder", "data.root=a/photos")
    assert alframe("score", "-q", *first).exit_code == 0
    assert "has these predictions already" in said(alframe("score", *first))
    other = alframe("score", *first[:2], "data.root=b/photos")
    assert other.exit_code == 2, said(other)
    assert "data.root: a/photos -> b/photos" in said(other)
    rounded = alframe("score", *first, "trainer.precision=bf16-mixed")
    assert rounded.exit_code == 2, said(rounded)
    assert "trainer.precision: 32-true -> bf16-mixed" in said(rounded)


def test_held_out_samples_of_the_run_come_only_when_asked_for(folder: Path) -> None:
    """With them, its labelled samples are still left out."""
    assert alframe("score", "-q", MODEL, "held_out=true").exit_code == 0
    assert len(read_predictions(folder / STORE)) == 1797 - 30


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ("model=nowhere", "nowhere is not the folder of a run"),
        ("", "model has no value"),
        (f"{MODEL} model_round=7", "trained in rounds 0 to 1"),
        (f"{MODEL} needs=[embedings]", "did you mean embeddings or box_embeddings?"),
        (f"{MODEL} needs=[]", "needs is empty"),
        (f"{MODEL} needs=[history]", "only a run has it"),
        (f"{MODEL} needs=[predicted_loss]", "strategy=learning_loss has a head"),
        (f"{MODEL} scoring.blok=3", "did you mean scoring.block"),
        (f"{MODEL} +learner.dropout=0.1", "the configuration has no 'learner'"),
        (f"{MODEL} engine=rai", "did you mean engine/ray"),
    ],
)
def test_mistakes_in_scoring_get_one_message(overrides: str, message: str, folder: Path) -> None:
    """What was asked, what was there, what to do; and no folder is begun."""
    result = alframe("score", *overrides.split())
    assert result.exit_code == 2, said(result)
    assert message in said(result)
    assert "Traceback" not in said(result)
    assert not (folder / "predictions").exists()


def test_draws_need_a_posterior_that_has_them(tmp_path: Path) -> None:
    """The check of ``alframe run``, for a run whose learner has one set of weights."""
    path = tmp_path / "point"
    alframe("run", "-q", *TINY, "learner/posterior=point_estimate", "cycle.rounds=0", f"hydra.run.dir={path}")
    result = alframe("score", f"model={path}", "needs=[bald]")
    assert result.exit_code == 2
    assert "needs=[bald] needs posterior draws and this Classifier gives none" in said(result)


def test_changed_weights_are_not_used(tmp_path: Path, trained: Path) -> None:
    """A file that is not what the run's journal has the hash of is refused."""
    copy = shutil.copytree(trained / "runs" / RUN, tmp_path / "copy")
    weights = copy / "round-001/weights.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    result = alframe("score", f"model={copy}")
    assert result.exit_code == 2
    assert "is not what step train of round 1 wrote" in said(result)


def test_a_run_whose_data_changed_has_no_pool(tmp_path: Path, trained: Path) -> None:
    """Without a word about data it is the run's; if that is another now, the labelled samples cannot be told."""
    copy = shutil.copytree(trained / "runs" / RUN, tmp_path / "copy")
    config: dict[str, Any] = yaml.safe_load((copy / "config.yaml").read_text())
    config["data"]["split_seed"] = 9
    (copy / "config.yaml").write_text(yaml.safe_dump(config))
    result = alframe("score", f"model={copy}")
    assert result.exit_code == 2
    assert "no longer what the run" in said(result)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_strategy_chooses_from_what_is_stored(folder: Path) -> None:
    """What the strategy chooses from the arrays in memory, most wanted first, with class names and probabilities."""
    alframe("score", "-q", MODEL)
    result = alframe("select", str(STORE), "budget=7")
    assert result.exit_code == 0, said(result)
    written, predictions = rows(folder / STORE / "selection.csv"), read_predictions(folder / STORE)
    expected = Margin().select(predictions, 7, rng=generator(0, "select"))
    assert expected.scores is not None
    assert predictions.probs is not None
    assert [row["id"] for row in written] == predictions.ids[expected.positions].tolist()
    assert [int(row["rank"]) for row in written] == list(range(1, 8))
    np.testing.assert_allclose([float(row["score"]) for row in written], expected.scores, rtol=1e-6)
    probs = predictions.probs[expected.positions]
    assert [row["predicted"] for row in written] == [str(best) for best in probs.argmax(axis=1)]
    np.testing.assert_allclose([float(row["probability"]) for row in written], probs.max(axis=1), rtol=1e-6)
    assert written[0]["id"] in said(result)


def test_a_choice_follows_from_its_seed(folder: Path) -> None:
    """Equal seeds choose alike and others otherwise; a second strategy needs no second pass."""
    alframe("score", "-q", MODEL)
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        options = ("strategy=badge", "budget=10", f"seed={seed}", f"output={name}.csv")
        assert alframe("select", "-q", str(STORE), *options).exit_code == 0
    assert rows(folder / "a.csv") == rows(folder / "b.csv")
    assert rows(folder / "a.csv") != rows(folder / "c.csv")


def test_a_strategy_that_looks_at_labels_says_that_there_are_none() -> None:
    alframe("score", "-q", MODEL)
    result = alframe("select", str(STORE), "strategy=core_set", "budget=3")
    assert result.exit_code == 0, said(result)
    assert "CoreSet also looks at what is labelled" in said(result)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("strategy=bald", "score again with needs=[bald,embeddings,probs]"),
        ("strategy=forgetting", "which only a run has"),
        ("budget=5000", "5000"),
        ("strategy=margine", "did you mean strategy/margin"),
        ("budgt=3", "did you mean budget"),
    ],
)
def test_mistakes_in_choosing_get_one_message(words: str, message: str, folder: Path) -> None:
    alframe("score", "-q", MODEL)
    result = alframe("select", str(STORE), *words.split())
    assert result.exit_code == 2, said(result)
    assert message in said(result)
    assert "Traceback" not in said(result)
    assert not (folder / STORE / "selection.csv").exists()


def test_folders_without_predictions_are_refused() -> None:
    result = alframe("select", "nowhere")
    assert result.exit_code == 2
    assert "nowhere holds no finished predictions" in said(result)


def test_a_reduction_is_made_of_stored_draws(folder: Path) -> None:
    """Whoever kept the draws need not score again for what is made of them."""
    alframe("score", "-q", MODEL, "needs=[samples]")
    assert alframe("select", "-q", str(STORE), "strategy=bald", "budget=3").exit_code == 0
    assert list(rows(folder / STORE / "selection.csv")[0]) == ["rank", "id", "score"]


def test_costs_are_kept_where_labels_have_a_price(tmp_path: Path) -> None:
    """A strategy that looks at the price finds it among the predictions, row by row."""
    from dataclasses import replace

    from alframe.score import Job, score_pool
    from alframe.scoring import Local, Scoring

    source = tiny.Bars()
    source.table = replace(source.table, costs=np.arange(1, 61, dtype=np.float64))
    parts = tiny.parts(data=source)
    run(parts, tmp_path / "run", tiny.CONFIG | {"cycle": {"validation": 0}})
    model = find_model(tmp_path / "run", None)
    job = Job(
        model=str(model.run),
        model_round=None,
        needs=["probs"],
        output=str(tmp_path / "out"),
        held_out=False,
        seed=0,
        loader=parts.loader,
        trainer=parts.trainer,
        scoring=Scoring(),
        engine=Local(),
    )
    own: Any = {"transforms": parts.transforms, "make_learner": parts.learner, "strategy": parts.strategy, "setup": {}}
    found = read_predictions(score_pool(job, model, data=source, **own))
    assert found.costs is not None
    np.testing.assert_array_equal(found.costs, [int(name[-3:]) + 1 for name in found.ids])


def test_help_shows_the_keys_of_each_command() -> None:
    for command, words in (
        ("score", ("model_round: null", "engine=local or ray", "alframe score model=")),
        ("select", ("budget: 100", "alframe select predictions/")),
    ):
        page = said(alframe(command, "--help"))
        for word in words:
            assert word in page
