"""A team of five, two of whom are of no use, labels 2,000 of MNIST's digits through the service's own queue.

Usage: python experiments/labelling_team/run.py --data ../shared/data   (writes labels, gold and models.csv, team.png)

Two people are right in 95 and 93 % of the cases, one in 80 %, one answers by chance and one always the same. Who errs
names any other class. Each image is labelled by three of them, whoever comes next; of what they are given a twelfth is
gold.
"""

from __future__ import annotations

import argparse
import csv
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from sqlalchemy import select

from alframe.data import TorchvisionSet
from alframe.functional import generator, majority_vote
from alframe.labelling import Answer, Gold, NewTask, Prediction, Project, Projects, ProjectSettings, Queue, settle
from alframe.labelling.queue.tasks import PREDICTION
from alframe.labelling.settling.gold_scores import chance, gold_answers, gold_scores
from alframe.labelling.settling.settlements import current
from alframe.storage.service import ServiceDatabase, open_service
from alframe.storage.service.tables import ItemRow, MembershipRow, SubmissionRow, TaskRow, UserRow

HERE = Path(__file__).parent
IMAGES, GOLD, SEEDS = 2_000, 150, 3
CLASSES = 10
TEAM = {"good_95": 0.95, "good_93": 0.93, "mediocre_80": 0.8, "random": 0.1, "constant": None}
ALWAYS = 1
ASKED = ProjectSettings(overlap=3, max_overlap=3, gold_share=1 / 12, agreement=0.0)
METHODS = ("majority", "one_coin", "dawid_skene", "crowdlab")


@dataclass(frozen=True)
class Digits:
    """Images as pixels in [0, 1], (N, 784), and what they show."""

    pixels: NDArray[np.float64]
    labels: NDArray[np.int64]


@dataclass(frozen=True)
class Labelled:
    """What the team did: the service's database, who is who, and the first answer to each image."""

    path: Path
    project: Project
    people: Mapping[str, int]
    first: NDArray[np.int64]


def digits(root: Path) -> tuple[Digits, Digits]:
    """MNIST: what can be labelled, and what is tested on."""
    source = TorchvisionSet("MNIST", str(root), download=False)
    held_out = source.table.held_out
    pixels = np.stack([source.read(row) for row in range(len(held_out))]).reshape(len(held_out), -1) / 255
    train, test = (Digits(pixels[side], source.table.labels[side]) for side in (~held_out, held_out))
    return train, test


def says(accuracy: float | None, truth: int, rng: np.random.Generator) -> int:
    """What somebody of this accuracy says; without one, always the same."""
    if accuracy is None:
        return ALWAYS
    return truth if rng.random() < accuracy else int((truth + rng.integers(1, CLASSES)) % CLASSES)


def label(path: Path, truth: NDArray[np.int64], seed: int) -> Labelled:
    """Have the team label the first images and know the others for gold, one lease after the other."""
    rng = generator(seed, "people")
    database = open_service(f"sqlite:///{path}")
    project = Projects(database).create("digits", "classification", list("0123456789"), ASKED, by="root")
    people, items = staff(database, project, len(truth))
    known = dict(zip(items, truth.tolist(), strict=True))
    gold = Gold(database, generator(seed, "gold"))
    for item in items[IMAGES:]:
        gold.add(project.id, item, known[item], by="root")
    queue = Queue(database, gold.mix)
    queue.ask(project.id, 0, [NewTask(item) for item in items[:IMAGES]])
    first: dict[int, int] = {}
    at_work = list(people)
    while at_work:
        name = str(rng.choice(at_work))
        lease = queue.lease(project.id, people[name])
        if lease is None:
            at_work.remove(name)
            continue
        said = says(TEAM[name], known[lease.item_id], rng)
        first.setdefault(lease.item_id, said)
        queue.submit(lease.assignment_id, people[name], lease.fence, f"{lease.assignment_id}", Answer(said))
    database.close()
    return Labelled(path, project, people, np.array([first[item] for item in items[:IMAGES]]))


def staff(database: ServiceDatabase, project: Project, count: int) -> tuple[dict[str, int], list[int]]:
    """The team, and the images."""
    with database.write() as session:
        users = [UserRow(name=name) for name in TEAM]
        rows = [
            ItemRow(project_id=project.id, sample_id=f"{row:05}", image=f"{row:064x}", width=28, height=28)
            for row in range(count)
        ]
        session.add_all([*users, *rows])
        session.flush()
        session.add_all(MembershipRow(user_id=user.id, project_id=project.id, role="annotator") for user in users)
        return {user.name: user.id for user in users}, [row.id for row in rows]


def votes_of(done: Labelled) -> NDArray[np.int64]:
    """(N, A) what everybody said of the images, without gold."""
    database = open_service(f"sqlite:///{done.path}")
    columns = {user: column for column, user in enumerate(done.people.values())}
    votes = np.full((IMAGES, len(TEAM)), -1)
    rows = (
        select(ItemRow.sample_id, SubmissionRow.annotator_id, SubmissionRow.label)
        .join(ItemRow, ItemRow.id == SubmissionRow.item_id)
        .join(TaskRow, TaskRow.id == SubmissionRow.task_id)
        .where(TaskRow.kind != "gold")
    )
    with database.read() as session:
        for sample, user, said in session.execute(rows):
            votes[int(sample), columns[user]] = said
    database.close()
    return votes


def settled(done: Labelled, method: str, folder: Path, probs: NDArray[np.float64]) -> NDArray[np.int64]:
    """What the service settles by this method, -1 where a reviewer would have to decide, (N,)."""
    path = folder / f"{method}.sqlite"
    shutil.copy(done.path, path)
    database = open_service(f"sqlite:///{path}")
    project = done.project
    settings = project.settings.model_copy(update={"consensus": method})
    Projects(database).change(project.id, version=project.version, by="root", settings=settings)
    if method == "crowdlab":
        with database.write() as session:
            for task, sample in session.execute(select(TaskRow, ItemRow.sample_id).join(ItemRow)).all():
                if task.kind != "gold":
                    given = probs[int(sample)]
                    said = Prediction(int(given.argmax()), given.tolist())
                    task.prediction = PREDICTION.dump_python(said, mode="json")
    settle(database, project.id, rng=generator(0, "review"))
    holds = current(database, project.id)
    database.close()
    return np.array([holds[f"{row:05}"].label if f"{row:05}" in holds else -1 for row in range(IMAGES)])


def found_by_gold(done: Labelled) -> Iterable[dict[str, object]]:
    """After how many gold items each person has a verdict, looking after every one of them."""
    database = open_service(f"sqlite:///{done.path}")
    with database.read() as session:
        answers, by_chance = gold_answers(session, done.project), chance(session, done.project)
    database.close()
    for name, user in done.people.items():
        theirs = [answer for answer in answers if answer.annotator_id == user]
        verdicts = [gold_scores(theirs[:count], by_chance)[0].verdict for count in range(1, len(theirs) + 1)]
        after = next((count for count, verdict in enumerate(verdicts, 1) if verdict != "open"), None)
        last = gold_scores(theirs, by_chance)[0]
        yield {
            "person": name,
            "verdict": last.verdict,
            "ever_bad": "bad" in verdicts,
            "after": after,
            "asked": last.asked,
            "right": last.right,
        }


def model() -> LogisticRegression:
    """The same for all labels."""
    return LogisticRegression(C=0.01, max_iter=500)


def test_accuracy(pixels: NDArray[np.float64], labels: NDArray[np.int64], test: Digits) -> float:
    """Of a model trained on what has a label."""
    there = labels >= 0
    return float(model().fit(pixels[there], labels[there]).score(test.pixels, test.labels))


def run(root: Path) -> None:
    """Everything, for each seed."""
    train, test = digits(root)
    tables: dict[str, list[dict[str, object]]] = {"labels": [], "gold": [], "models": []}
    for seed in range(SEEDS):
        rows = generator(seed, "images").permutation(len(train.labels))
        chosen, more = rows[: IMAGES + GOLD], rows[: 3 * IMAGES]
        pixels, truth = train.pixels[chosen[:IMAGES]], train.labels[chosen[:IMAGES]]
        with TemporaryDirectory() as temporary:
            folder = Path(temporary)
            done = label(folder / "service.sqlite", train.labels[chosen], seed)
            votes = votes_of(done)
            plain = majority_vote(votes, CLASSES).labels
            probs = cross_val_predict(model(), pixels, plain, cv=5, method="predict_proba")
            found = {"raw": done.first, "plain_majority": plain}
            found |= {method: settled(done, method, folder, probs) for method in METHODS}
            tables["gold"] += [{"seed": seed} | line for line in found_by_gold(done)]
        for name, labels in found.items():
            there = labels >= 0
            line = {"seed": seed, "labels": name, "settled": int(there.sum())}
            tables["labels"].append(line | {"accuracy": float((labels == truth)[there].mean())})
            tables["models"].append({"seed": seed, "labels": name, "accuracy": test_accuracy(pixels, labels, test)})
        tables["models"].append({"seed": seed, "labels": "truth", "accuracy": test_accuracy(pixels, truth, test)})
        rng = generator(seed, "one each")
        names = list(TEAM)
        one_each = [says(TEAM[names[rng.integers(len(names))]], int(each), rng) for each in train.labels[more]]
        accuracy = test_accuracy(train.pixels[more], np.array(one_each), test)
        tables["models"].append({"seed": seed, "labels": "raw_of_three_times_as_many", "accuracy": accuracy})
    for name, lines in tables.items():
        with (HERE / f"{name}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, list(lines[0]))
            writer.writeheader()
            writer.writerows(lines)
    draw(tables)


def draw(tables: Mapping[str, list[dict[str, object]]]) -> None:
    """Accuracy of labels, and of the model trained on them, a dot for each seed."""
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), sharey=False, layout="constrained")
    for axis, table, title in zip(axes, ("labels", "models"), ("labels", "model on 10,000 test images"), strict=True):
        names = list(dict.fromkeys(str(line["labels"]) for line in tables[table]))
        for place, name in enumerate(names):
            values = [100 * float(str(line["accuracy"])) for line in tables[table] if line["labels"] == name]
            axis.plot(values, [place] * len(values), "o", color="C0", alpha=0.6)
        axis.set_yticks(range(len(names)), [name.replace("_", " ") for name in names])
        axis.invert_yaxis()
        axis.set_xlabel(f"accuracy of the {title} (%)")
        axis.grid(axis="x", alpha=0.3)
    figure.savefig(HERE / "team.png", dpi=120)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder that MNIST lies in")
    run(parser.parse_args().data)
