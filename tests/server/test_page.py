"""The page in a real browser: people sign in, label, review and manage, and what they say is in the database."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsing import PATIENCE, SECRET, TRUTH, Site, Visit, opened_browser, served_site
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select, update

from alframe.access.roles import Role
from alframe.functional.regions import decode_region
from alframe.labelling import load_label
from alframe.pool import Ledger
from alframe.server.page_build import SOURCE, ensure_page
from alframe.server.page_files import STATIC
from alframe.storage import open_database, sqlite_url
from alframe.storage.service.tables import AssignmentRow, ItemRow, SettlementRow
from alframe.types import Objects, Polygons, Rle

if shutil.which("chromium") is None:
    pytest.skip("chromium is not installed", allow_module_level=True)
if shutil.which("npm") is None and not (STATIC / "index.html").is_file():
    pytest.skip("the page is not built, and npm is not installed", allow_module_level=True)

AXE = SOURCE / "node_modules/axe-core/axe.min.js"
DEFECTS_SIDE = 256


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with opened_browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    assert ensure_page()
    with served_site(tmp_path_factory.mktemp("site")) as served:
        yield served


@pytest.fixture
def visit(browser: Browser, site: Site) -> Iterator[Visit]:
    visitor = Visit(browser, site)
    yield visitor
    visitor.close()


def eventually(found: Callable[[], Any], seconds: float = 20.0) -> Any:
    """What is found as soon as it is true."""
    deadline = time.monotonic() + seconds
    while not (value := found()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return value


def test_from_a_password_for_once_to_labels(visit: Visit, site: Site, tmp_path: Path) -> None:
    """Somebody new chooses a password, labels ten images by keyboard, draws two boxes, and corrects a prediction."""
    page, keyboard = visit.page, visit.page.keyboard
    visit.sign_in("newcomer", site.once)
    page.get_by_role("heading", name="Choose a password of your own").wait_for()
    keyboard.type(site.once)
    for _ in range(2):
        keyboard.press("Tab")
        keyboard.type(SECRET)
    keyboard.press("Enter")

    visit.open("digits")
    seen, item = {}, 0
    for _ in range(10):
        item = visit.item(other_than=item)
        seen[item] = site.truth(item)
        keyboard.press(str(seen[item]))
        keyboard.press("Enter")
    page.screenshot(path=tmp_path / "digits.png")
    answers = eventually(lambda: len(found := site.submissions("newcomer", "digits")) == 10 and found)
    assert {row.item_id: row.label for row in answers.values()} == seen
    assert not any(row.prediction_shown for row in answers.values())
    assert all(row.seconds > 0 for row in answers.values())

    page.goto(f"{site.address}/#/")
    visit.open("surface defects")
    visit.item()
    page.locator("svg.a9s-annotationlayer").wait_for()
    visit.drag((20, 30), (60, 60), (80, 90), size=DEFECTS_SIDE)
    expect(page.locator(".objects li")).to_have_count(1)
    keyboard.press("3")
    visit.drag((120, 100), (150, 150), (200.5, 220), size=DEFECTS_SIDE)
    expect(page.locator(".objects li")).to_have_count(2)
    keyboard.press("2")
    page.screenshot(path=tmp_path / "defects.png")
    keyboard.press("Enter")
    (answer,) = eventually(lambda: site.submissions("newcomer", "surface defects")).values()
    objects = load_label(answer.label)
    assert isinstance(objects, Objects)
    assert objects.labels.tolist() == [2, 1]
    assert objects.boxes == pytest.approx(np.array([[20, 30, 80, 90], [120, 100, 200.5, 220]]), abs=2)

    page.goto(f"{site.address}/#/")
    visit.open("corrected")
    item = visit.item()
    predicted = (site.truth(item) + 1) % 10
    expect(page.get_by_role("radio", name=str(predicted), exact=True)).to_be_checked()
    keyboard.press(str(site.truth(item)))
    keyboard.press("Enter")
    (answer,) = eventually(lambda: site.submissions("newcomer", "corrected")).values()
    assert (answer.label, answer.prediction_shown) == (site.truth(item), True)


def test_a_run_that_waits_goes_on_with_labels_from_the_page(visit: Visit, site: Site, tmp_path: Path) -> None:
    """``alframe run oracle=human`` asks for ten digits; they are labelled by keyboard, and the run ends with them."""
    words = ["oracle=human", f"oracle.service={site.folder}", f"oracle.address={site.address}", "name=waiting"]
    short = ["cycle.initial=10", "cycle.rounds=0", "training.epochs=2", "loader.workers=0", "oracle.poll=0.2"]
    command = [sys.executable, "-m", "alframe", "run", "--quiet", *words, *short]
    with subprocess.Popen(command, cwd=tmp_path, env=os.environ | {"OMP_NUM_THREADS": "1"}) as run:
        project = eventually(lambda: site.project("waiting"), PATIENCE)
        site.service.roles.grant(site.people["ann"], project, Role.annotator, by="test")
        visit.sign_in("ann")
        visit.open("waiting")
        seen, item = {}, 0
        for _ in range(10):
            item = visit.item(other_than=item)
            seen[item] = site.truth(item)
            visit.page.keyboard.press(str(seen[item]))
            visit.page.keyboard.press("Enter")
        assert run.wait(timeout=PATIENCE) == 0
    engine = open_database(sqlite_url(tmp_path / "runs/waiting/run.sqlite"))
    learnt = Ledger(engine).current().values()
    engine.dispose()
    assert {each.sample_id: each.label for each in learnt} == {site.sample(item): seen[item] for item in seen}
    assert {each.annotator for each in learnt} == {"consensus: ann"}


def test_a_draft_survives_a_reload(visit: Visit) -> None:
    """Objects and rationale are there again, in this browser and, over the server, in another."""
    visit.sign_in("ann")
    visit.open("surface defects")
    item = visit.item()
    page = visit.page
    page.locator("svg.a9s-annotationlayer").wait_for()
    visit.drag((40, 40), (90, 70), (100, 80), size=DEFECTS_SIDE)
    page.keyboard.press("r")
    page.keyboard.type("a deep scratch")
    page.reload()
    assert visit.item() == item
    expect(page.locator(".objects li")).to_have_count(1)
    expect(page.get_by_label("Rationale")).to_have_value("a deep scratch")
    page.evaluate("localStorage.clear()")
    page.reload()
    expect(page.get_by_label("Rationale")).to_have_value("a deep scratch")
    expect(page.locator(".objects li")).to_contain_text(["box 60"])


def test_boxes_are_drawn_by_keyboard_alone(visit: Visit, site: Site) -> None:
    """N, arrows, Shift and arrows, Ctrl+Z: each pixel as asked, and nothing needs a pointer."""
    visit.sign_in("bob")
    visit.open("surface defects")
    visit.item()
    page, keyboard = visit.page, visit.page.keyboard
    page.locator("svg.a9s-annotationlayer").wait_for()
    keyboard.press("4")
    keyboard.press("n")
    for keys in ("ArrowRight", "Control+ArrowDown", "Shift+ArrowLeft", "Control+Shift+ArrowDown", "n", "Control+z"):
        keyboard.press(keys)
    expect(page.locator(".objects li")).to_have_count(1)
    keyboard.press("Enter")
    (answer,) = eventually(lambda: site.submissions("bob", "surface defects")).values()
    (thing,) = answer.label["objects"]
    assert (thing["label"], thing["box"]) == (3, [97, 106, 160, 180])


def test_masks_are_painted_and_drawn(visit: Visit, site: Site, tmp_path: Path) -> None:
    """A polygon and a painted mask, some of it erased again, cover the pixels that were meant."""
    visit.sign_in("ann")
    visit.open("parts")
    visit.item()
    page, keyboard = visit.page, visit.page.keyboard
    page.locator("svg.a9s-annotationlayer").wait_for()
    keyboard.press("n")  # a rectangle in the middle, of a quarter of the image: from 3 to 5
    keyboard.press("ArrowLeft")
    keyboard.press("c")
    keyboard.press("ArrowUp")
    keyboard.press("Escape")
    keyboard.press("m")
    keyboard.press("2")
    visit.drag((0.5, 7.5), (4, 7.5), (7.5, 7.5), size=8)
    expect(page.locator(".objects li")).to_have_count(2)
    keyboard.press("e")
    visit.drag((5.5, 7.5), (5.6, 7.5), size=8)
    page.screenshot(path=tmp_path / "masks.png")
    keyboard.press("Enter")
    (answer,) = eventually(lambda: site.submissions("ann", "parts")).values()
    objects = load_label(answer.label)
    assert isinstance(objects, Objects)
    assert objects.labels.tolist() == [0, 1]
    polygon, painted = (thing.mask for thing in objects)
    assert polygon == Polygons(((2, 2, 4, 3, 4, 5, 2, 5),))
    assert isinstance(painted, Rle)
    pixels = decode_region(painted, 8, 8)
    assert np.flatnonzero(pixels).tolist() == [56, 57, 58, 59, 60, 62, 63]


def test_an_answer_arrives_once_though_the_server_was_away(visit: Visit, site: Site) -> None:
    """What cannot be sent waits in the browser, survives its reload, and is taken once."""
    visit.sign_in("ann")
    visit.open("digits")
    page, keyboard = visit.page, visit.page.keyboard
    first = visit.item()
    site.stop()
    keyboard.press(str(site.truth(first)))
    keyboard.press("Enter")
    second = visit.item(other_than=first)
    keyboard.press(str(site.truth(second)))
    keyboard.press("Enter")
    expect(page.get_by_text("Not yet sent: 2")).to_be_visible()
    expect(page.get_by_text("cannot be reached")).to_be_visible()
    site.start()
    expect(page.get_by_text("Not yet sent")).to_have_count(0, timeout=30_000)
    visit.item(other_than=second)
    assert {row.item_id: row.label for row in site.submissions("ann", "digits").values()} == {
        first: site.truth(first),
        second: site.truth(second),
    }


def test_an_answer_that_comes_too_late_is_refused_and_kept(visit: Visit, site: Site) -> None:
    """Somebody else leased the item meanwhile: the page says so, and the draft is there."""
    visit.sign_in("bob")
    visit.open("corrected")
    item = visit.item()
    with site.service.database.write() as session:
        session.execute(
            update(AssignmentRow)
            .where(AssignmentRow.annotator_id == site.people["bob"], AssignmentRow.state == "open")
            .values(fence=AssignmentRow.fence + 1)
        )
    visit.page.keyboard.press("7")
    visit.page.keyboard.press("Enter")
    expect(visit.page.get_by_role("alert").filter(has_text=f"item {item} was not taken")).to_be_visible()
    drafts = visit.page.evaluate("Object.entries(localStorage).filter(([name]) => name.includes('/draft/'))")
    assert [json.loads(draft)["label"] for _, draft in drafts] == [7]
    assert site.submissions("bob", "corrected") == {}


def test_an_item_that_was_given_to_somebody_else_is_taken_again(visit: Visit, site: Site) -> None:
    """A heartbeat that is refused is told; the draft stays, and is there again whenever the item is theirs again."""
    project = site.add("late", 1)
    page, keyboard = visit.page, visit.page.keyboard
    page.clock.install()
    visit.sign_in("ann")
    visit.open("late")
    item = visit.item()
    chosen = page.get_by_role("radio", name="7", exact=True)
    keyboard.press("7")

    def lose() -> None:
        site.let_leases_end(project)
        assert site.service.queue.lease(project, site.people["bob"]) is not None
        page.clock.fast_forward(round(site.service.projects.get(project).settings.lease_seconds * 1000))
        expect(page.get_by_role("alert").filter(has_text="You may not hold this image any longer")).to_be_visible()

    lose()
    site.let_leases_end(project)
    page.get_by_role("button", name="Take it again").click()
    expect(page.get_by_text(f"Item {item} is yours again.")).to_be_visible()
    expect(chosen).to_be_checked()

    lose()
    page.get_by_role("button", name="Take it again").click()
    expect(page.get_by_text(f"Item {item} cannot be had now.")).to_be_visible()
    expect(page.get_by_text("Nothing to label for now.")).to_be_visible()
    site.let_leases_end(project)
    page.clock.fast_forward(10_000)
    assert visit.item() == item
    expect(chosen).to_be_checked()
    keyboard.press("Enter")
    assert [row.label for row in eventually(lambda: site.submissions("ann", "late")).values()] == [7]


def test_an_organisations_account_signs_in(visit: Visit, site: Site) -> None:
    """Where the server knows of one there is a way to it, and whoever comes back with the cookie is signed in."""
    page = visit.page
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    expect(page.get_by_role("link", name="Sign in with your organisation")).to_have_count(0)
    pair = site.service.tokens.issue(site.service.users.named("bob"))
    cookie = f"alframe_refresh={pair.refresh}; Path=/api/session; HttpOnly; SameSite=Strict"
    back = {"Location": f"{site.address}/", "Set-Cookie": cookie}
    page.route("**/api/health", lambda route: route.fulfill(json={"status": "ok", "elsewhere": True}))
    page.route("**/api/session/elsewhere", lambda route: route.fulfill(status=303, headers=back))
    page.reload()
    page.get_by_role("link", name="Sign in with your organisation").click()
    expect(page.get_by_role("heading", name="Projects")).to_be_visible()
    expect(page.get_by_role("link", name="bob")).to_be_visible()


def test_long_lists_come_in_parts_and_pictures_when_they_are_looked_at(visit: Visit, site: Site) -> None:
    """Of 60 gold items 50 are listed, and of these only images near the window are asked for: each view is logged."""
    project = site.add("gilded", 60)
    for item in site.service.items.page(project, limit=60):
        site.service.gold.add(project, item.id, TRUTH[item.sample_id], by="test")
    visit.sign_in("root")
    visit.open("gilded", "gold")
    page, rows = visit.page, visit.page.locator(".rows li")
    images = page.locator(".rows img")
    expect(rows).to_have_count(50)
    expect(images.nth(5)).to_be_visible()
    assert len(set(_images(visit))) == len(_images(visit)) < 30
    page.get_by_role("button", name="More").click()
    expect(rows).to_have_count(60)
    expect(page.get_by_role("button", name="More")).to_have_count(0)
    rows.last.scroll_into_view_if_needed()
    expect(rows.last.locator("img")).to_be_visible()
    assert len(set(_images(visit))) < 60
    rows.last.get_by_role("button", name="Retire").click()
    expect(rows.last).to_contain_text("retired")
    expect(rows).to_have_count(60)


def _images(visit: Visit) -> list[str]:
    return [path for path in visit.asked if path.endswith("/image")]


def test_numbers_are_counted_while_somebody_looks(visit: Visit) -> None:
    """Once a minute, at the press of a button, and never for a window that nobody sees."""
    page = visit.page
    page.clock.install()
    visit.sign_in("root")
    visit.open("team", "overview")
    again = page.get_by_role("button", name="Count again")
    again.wait_for()

    def counted() -> int:
        return sum(path.endswith("/statistics") for path in visit.asked)

    def counted_after(seconds: int) -> int:
        page.clock.fast_forward(seconds * 1000)
        page.evaluate("fetch('/api/health')")
        return counted()

    assert counted() == 1
    assert counted_after(30) == 1
    assert counted_after(60) == 2
    page.evaluate("Object.defineProperty(document, 'hidden', {value: true})")
    assert counted_after(300) == 2
    with page.expect_request("**/statistics"):
        again.click()


def test_a_reviewer_decides_by_keyboard(visit: Visit, site: Site, tmp_path: Path) -> None:
    """The answers stand side by side; one of them is taken, with a reason."""
    visit.sign_in("root")
    visit.open("team", "review")
    page, keyboard = visit.page, visit.page.keyboard
    page.get_by_role("link", name="Item").first.click()
    expect(page.locator(".answers li")).to_have_count(2)
    expect(page.get_by_text("the loop is closed")).to_be_visible()
    page.screenshot(path=tmp_path / "review.png")
    item = visit.item()
    assert visit.asked.count(f"/api/items/{item}/image") == 1
    keyboard.press("Alt+b")
    keyboard.press("r")
    keyboard.type("bob is right")
    keyboard.press("Escape")
    keyboard.press("Enter")
    expect(page.get_by_text(f"Item {item} is decided.")).to_be_visible()
    assert visit.item(other_than=item) != item
    with site.service.database.read() as session:
        settled = session.scalars(
            select(SettlementRow).where(SettlementRow.item_id == item, SettlementRow.source == "review")
        ).one()
    assert (settled.label, settled.reason) == ((site.truth(item) + 1) % 10, "bob is right")


BRIGHTEST = """() => {
  const canvas = new OffscreenCanvas(8, 8).getContext("2d");
  canvas.drawImage(document.querySelector(".stage img"), 0, 0);
  return Math.max(...canvas.getImageData(0, 0, 4, 4).data.filter((_, i) => i % 4 < 3));
}"""
"""What is brightest in the left upper quarter of the digit on the stage."""


def test_a_manager_covers_a_part_of_an_image(visit: Visit, site: Site) -> None:
    """The boxes are kept, and the image is fetched again, covered."""
    visit.sign_in("root")
    visit.open("team", "review")
    page = visit.page
    page.get_by_role("link", name="Item").first.click()
    item = visit.item()
    page.get_by_text("Cover parts of this image").click()
    page.get_by_label("Boxes, one a line").fill("0 0 4 4\n5, 5.5, 8, 8")
    page.wait_for_function(f"() => ({BRIGHTEST})() > 0")
    page.get_by_role("button", name="Cover").click()
    page.wait_for_function(f"() => ({BRIGHTEST})() === 0")
    with site.service.database.read() as session:
        assert session.get_one(ItemRow, item).masks == [[0, 0, 4, 4], [5, 5.5, 8, 8]]


def test_a_manager_sees_and_changes_everything(visit: Visit, site: Site, tmp_path: Path) -> None:
    """Numbers, guidelines, members, gold, a pause, and a new user with a password for once."""
    visit.sign_in("root")
    visit.open("team", "overview")
    page = visit.page
    expect(page.get_by_text("12", exact=True).first).to_be_visible()
    expect(page.get_by_text("6.00")).to_be_visible()
    page.screenshot(path=tmp_path / "overview.png", full_page=True)
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("The project is paused")).to_be_visible()
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("link", name="Settings").click()
    page.get_by_label("Guidelines (Markdown)").fill("# Look\n<img src=x onerror=alert(1)> **well**")
    expect(page.locator(".markdown strong")).to_have_text("well")
    expect(page.locator(".markdown img")).to_have_count(0)
    page.get_by_role("button", name="Save the guidelines").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    page.get_by_label("Cost of one answer").fill("0.25")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("button", name="Save", exact=True)).to_be_enabled()
    project = eventually(lambda: (now := site.service.projects.named("team")).settings.cost == 0.25 and now)
    assert project.guidelines.startswith("# Look")
    assert not project.paused
    page.screenshot(path=tmp_path / "settings.png", full_page=True)
    page.get_by_role("link", name="Gold").click()
    page.get_by_label("Item", exact=True).fill(str(site.service.items.page(project.id)[0].id))
    page.get_by_label("Class").select_option("0")
    page.get_by_role("button", name="Add").click()
    expect(page.locator(".rows li")).to_have_count(1)
    page.get_by_role("link", name="Members").click()
    page.get_by_label("Role of bob").select_option("reviewer")
    page.goto(f"{site.address}/#/users")
    page.get_by_label("Name").fill("dora")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_text("The password of dora")).to_be_visible()
    assert [each.item_id for each in site.service.gold.all(project.id)]
    assert site.service.roles.of(site.people["bob"])[project.id].name == "reviewer"


VIEWS = {
    "label digits": ".stage img",
    "label surface defects": "svg.a9s-annotationlayer",
    "review team": ".cards a",
    "overview team": ".heat",
    "settings team": "text=Save the guidelines",
    "members team": ".rows li",
    "gold team": "text=Make an item gold",
}
"""Part and project, and what is there once it is shown."""


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
def test_views_are_accessible(browser: Browser, site: Site, tmp_path: Path, width: int, scheme: Any) -> None:
    """axe-core finds no violation of WCAG 2 A and AA, and at 360 pixels nothing is wider than the window."""
    if not AXE.is_file():
        pytest.skip("axe-core is not installed: npm ci in alframe/server/page")
    visit = Visit(browser, site, width=width)
    page = visit.page
    page.emulate_media(color_scheme=scheme)
    page.get_by_role("heading", name="Sign in").wait_for()
    found = {"sign in": violations(page)}
    visit.sign_in("root")
    page.get_by_role("heading", name="Projects").wait_for()
    found["projects"] = violations(page)
    for view, sign in VIEWS.items():
        part, project = view.split(" ", 1)
        page.goto(f"{site.address}/#/projects/{site.projects[project]}/{part}")
        page.locator(sign).first.wait_for()
        found[view] = violations(page)
        page.screenshot(path=tmp_path / f"{view}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, view
    page.goto(f"{site.address}/#/projects/{site.projects['team']}/review")
    page.locator(".cards a").first.click()
    page.locator(".answers li").first.wait_for()
    found["decide"] = violations(page)
    page.screenshot(path=tmp_path / "decide.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert {view: rules for view, rules in found.items() if rules} == {}
    visit.close()


def violations(page: Page) -> list[str]:
    """What axe-core says is wrong, and where."""
    page.evaluate(AXE.read_text())  # evaluated by the debugger, to which the policy does not apply
    rules = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}
    result = page.evaluate("rules => axe.run(document, rules)", rules)
    return [f"{rule['id']}: {node['html']}" for rule in result["violations"] for node in rule["nodes"]]
