from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier, Event

import pytest
from accounts import GOOD, CountingHasher, cheap, some_user
from hypothesis import given
from hypothesis import strategies as st
from pwdlib import PasswordHash
from sqlalchemy import select, update

from alframe.access.attempts import ATTEMPTS, ATTEMPTS_IN_ALL, WINDOW
from alframe.access.names import normal_name
from alframe.access.passwords import AT_ONCE, LONGEST, SHORTEST, Passwords, acceptable, one_time_password
from alframe.access.users import Users, first_admin
from alframe.errors import AlframeError, Conflict, InvalidInput, NotFound, NotSignedIn, TooMany, Unavailable
from alframe.storage.service import ServiceDatabase
from alframe.storage.service.tables import AttemptRow, AuditRow, UserRow

OTHER = "another password"


@given(st.text(max_size=80))
def test_a_name_has_one_form(name: str) -> None:
    """However it is written, what is stored is found again: the form of the form is itself, and case does not count."""
    with suppress(InvalidInput):
        form = normal_name(name)
        assert normal_name(form) == form
        assert normal_name(f"  {form} ") == form
        assert 1 <= len(form) <= 64


@pytest.mark.parametrize(
    ("written", "form"), [("Ann", "ann"), ("\uff21nn", "ann"), ("Straße", "strasse"), ("a\u0301nn", "\u00e1nn")]
)
def test_names_that_look_alike_are_one(written: str, form: str) -> None:
    assert normal_name(written) == form


@pytest.mark.parametrize("name", ["", "   ", "a" * 65, "a\nb", "a\0b", "a\u200bb", "\ud800", "a\u202eb"])
def test_a_name_that_nobody_could_read_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="a name has"):
        normal_name(name)


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("a" * (SHORTEST - 1), "12 to 1,000"),
        ("a" * (LONGEST + 1), "12 to 1,000"),
        ("a" * 1_000_000, "12 to 1,000"),
        ("\ud800" * 12, "12 to 1,000"),
        ("Annegret.Meier", "not the name"),
    ],
)
def test_a_password_that_is_easy_to_guess_or_slow_to_hash_is_refused(password: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        acceptable(password, "annegret.meier")


def test_a_password_is_the_same_however_it_is_composed() -> None:
    """An é typed as one character, or as e and an accent (NIST SP 800-63B asks for it)."""
    passwords = cheap()
    assert passwords.verify("cafe\u0301 cafe\u0301 cafe", passwords.hash("caf\u00e9 caf\u00e9 cafe"))[0]


@given(st.text(max_size=40), st.text(min_size=1, max_size=40))
def test_no_password_opens_what_has_none(password: str, stored: str) -> None:
    """Neither a user without a password, nor one whose stored hash is of something else."""
    passwords = cheap()
    assert not passwords.verify(password, "")[0]
    assert not passwords.verify(password, passwords.hash(f"not {stored}, surely not"))[0]


def test_passwords_for_once_are_long_and_never_the_same() -> None:
    made = {one_time_password() for _ in range(100)}
    assert len(made) == 100
    assert all(acceptable(each, "ann") == each for each in made)


def test_a_new_user_signs_in_once_and_chooses_a_password(database: ServiceDatabase) -> None:
    users = Users(database, cheap())
    made, once = users.create("Ann", by="root")
    assert once is not None
    assert made.must_change
    assert users.sign_in("ANN", once) == made == users.named("ann") == users.get(made.id)
    changed = users.change_password(made.id, once, OTHER)
    assert not changed.must_change
    assert users.sign_in("ann", OTHER) == changed
    with pytest.raises(NotSignedIn):
        users.sign_in("ann", once)
    assert users.all() == [changed]


def test_two_users_do_not_share_a_name(database: ServiceDatabase) -> None:
    users = Users(database, cheap())
    users.create("ann", GOOD, by="root")
    with pytest.raises(Conflict, match="there is a user 'ann'"):
        users.create("Ann", GOOD, by="root")


def test_who_is_not_there_is_not_found(database: ServiceDatabase) -> None:
    users = Users(database, cheap())
    with pytest.raises(NotFound):
        users.get(7)
    with pytest.raises(NotFound):
        users.named("eve")
    with pytest.raises(NotFound):
        users.disable(7, by="root")


def test_nothing_tells_a_wrong_name_from_a_wrong_password(database: ServiceDatabase) -> None:
    """The same words, and the same work: one password is looked at each time."""
    hasher = CountingHasher()
    users = Users(database, cheap(hasher))
    some_user(database, "ann")
    users.disable(some_user(database, "bob").id, by="root")
    with database.write() as session:
        session.add(UserRow(name="signs in elsewhere"))
    said = set()
    for name, password in [("ann", OTHER), ("eve", GOOD), ("bob", GOOD), ("signs in elsewhere", ""), ("\0", GOOD)]:
        before = len(hasher.looked)
        with pytest.raises(NotSignedIn) as refused:
            users.sign_in(name, password)
        said.add(str(refused.value))
        assert len(hasher.looked) == before + 1
    assert said == {"wrong name or password"}


def test_too_many_wrong_passwords_close_a_name_for_a_while(database: ServiceDatabase) -> None:
    users = Users(database, cheap())
    ann = some_user(database, "ann")
    some_user(database, "bob")
    for _ in range(ATTEMPTS):
        with pytest.raises(NotSignedIn):
            users.sign_in("ann", OTHER)
    for _ in range(2):
        with pytest.raises(TooMany, match="wait 15 minutes"):
            users.sign_in("ann", GOOD)
    assert users.sign_in("bob", GOOD).name == "bob"
    with pytest.raises(TooMany):
        users.change_password(ann.id, GOOD, OTHER)
    with database.write() as session:
        session.execute(update(AttemptRow).values(since=AttemptRow.since - WINDOW))
    assert users.sign_in("ann", GOOD) == ann
    with database.read() as session:
        counts = session.execute(select(AttemptRow.address, AttemptRow.count).where(AttemptRow.name == "ann"))
        assert sorted(map(tuple, counts)) == [("", 0), ("*", 0)]
        assert session.scalars(select(AuditRow.action)).all().count("user.block") == 1


def test_strangers_do_not_lock_anybody_out(database: ServiceDatabase) -> None:
    """Ten wrong passwords close a name where they came from, a hundred wherever nobody of that name has been."""
    users = Users(database, cheap())
    ann = some_user(database, "ann")
    assert users.sign_in("ann", GOOD, "2001:db8:1:1::7") == ann

    def guess(address: str) -> type[AlframeError]:
        with pytest.raises(AlframeError) as refused:
            users.sign_in("ann", OTHER, address)
        return refused.type

    said = [guess("192.0.2.1") for _ in range(ATTEMPTS + 1)]
    assert said == [NotSignedIn] * ATTEMPTS + [TooMany]
    assert users.sign_in("ann", GOOD, "192.0.2.2") == ann
    for number in range(ATTEMPTS_IN_ALL - ATTEMPTS):
        assert guess(f"198.51.100.{number}") is NotSignedIn
    assert guess("192.0.2.3") is TooMany
    for known in ("192.0.2.2", "2001:db8:1:1:ffff::1"):
        assert users.sign_in("ann", GOOD, known) == ann
    users.reset_password(ann.id, by="root")
    assert guess("192.0.2.1") is NotSignedIn


def test_whoever_has_a_network_of_their_own_has_one_address(database: ServiceDatabase) -> None:
    users = Users(database, cheap())
    some_user(database, "ann")
    for number in range(ATTEMPTS):
        with pytest.raises(NotSignedIn):
            users.sign_in("ann", OTHER, f"2001:db8::{number + 1:x}")
    with pytest.raises(TooMany):
        users.sign_in("ann", GOOD, "2001:db8::ffff")


def test_only_so_many_passwords_are_looked_at_together() -> None:
    """Each takes 64 MiB: whoever does not get a turn soon is sent away, and the turns come back."""
    together, over = Barrier(AT_ONCE + 1), Event()

    class Waiting(CountingHasher):
        def verify(self, password: str | bytes, hash: str | bytes) -> bool:  # noqa: A002 (pwdlib's name)
            together.wait()
            return over.wait(60) and super().verify(password, hash)

    passwords = Passwords(PasswordHash((Waiting(),)), patience=0.01)
    stored = passwords.hash(GOOD)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        looked = [pool.submit(passwords.verify, GOOD, stored) for _ in range(AT_ONCE)]
        together.wait()
        with pytest.raises(Unavailable, match="at once"):
            passwords.verify(GOOD, stored)
        over.set()
        assert all(each.result()[0] for each in looked)
    assert passwords.hash(OTHER)


def test_names_that_were_tried_long_ago_are_forgotten(database: ServiceDatabase) -> None:
    users = Users(database, cheap())
    for name in ("eve", "mallory"):
        with pytest.raises(NotSignedIn):
            users.sign_in(name, GOOD)
        with database.write() as session:
            session.execute(update(AttemptRow).values(since=AttemptRow.since - 2 * WINDOW))
    with pytest.raises(NotSignedIn):
        users.sign_in("trudy", GOOD)
    with database.read() as session:
        assert session.scalars(select(AttemptRow.name).distinct()).all() == ["trudy"]


def test_guessing_at_once_gains_nothing(database: ServiceDatabase) -> None:
    """Of 24 guesses that come together, as many are looked at as of 24 that come one after the other."""
    hasher = CountingHasher()
    users = Users(database, cheap(hasher))
    some_user(database)

    def guess(number: int) -> None:
        with suppress(NotSignedIn, TooMany):
            users.sign_in("ann", f"guess number {number}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(guess, range(24)))
    assert len(hasher.looked) == ATTEMPTS


def test_a_hash_is_made_anew_where_its_costs_have_grown(database: ServiceDatabase) -> None:
    ann = some_user(database)
    Users(database, cheap(CountingHasher(time_cost=2))).sign_in("ann", GOOD)
    with database.read() as session:
        stored = session.get_one(UserRow, ann.id).password
    assert "t=2" in stored
    assert cheap().verify(GOOD, stored)[0]


def test_the_last_active_admin_stays(database: ServiceDatabase) -> None:
    users = Users(database, cheap())
    root, other, ann = (some_user(database, name, admin=name != "ann") for name in ("root", "other", "ann"))
    users.disable(other.id, by="root")
    with pytest.raises(Conflict, match="last active admin"):
        users.disable(root.id, by="root")
    with pytest.raises(Conflict, match="last active admin"):
        users.set_admin(root.id, False, by="root")
    assert not users.disable(ann.id, by="root").active
    assert users.set_admin(users.enable(ann.id, by="root").id, True, by="root").admin
    assert not users.set_admin(root.id, False, by="root").admin


def test_two_admins_who_disable_each_other_do_not_both_go(database: ServiceDatabase) -> None:
    users = Users(database, cheap())
    admins = [some_user(database, name, admin=True).id for name in ("root", "other")]
    together = Barrier(2)

    def disable(user_id: int) -> bool:
        together.wait()
        try:
            users.disable(user_id, by="root")
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(disable, admins)) == [False, True]
    assert sum(user.active for user in users.all()) == 1


def test_a_service_begins_with_one_admin(database: ServiceDatabase) -> None:
    """Four servers that start at once print one password between them."""
    together = Barrier(4)

    def start(_: int) -> str | None:
        together.wait()
        return first_admin(database, cheap())

    with ThreadPoolExecutor(4) as pool:
        printed = [each for each in pool.map(start, range(4)) if each]
    assert len(printed) == 1
    admin = Users(database, cheap()).sign_in("admin", printed[0])
    assert admin.admin
    assert admin.must_change
    assert first_admin(database, cheap()) is None


def test_the_new_password_is_another_one(database: ServiceDatabase) -> None:
    users, ann = Users(database, cheap()), some_user(database)
    with pytest.raises(InvalidInput, match="is the old one"):
        users.change_password(ann.id, GOOD, GOOD)
    with pytest.raises(NotSignedIn):
        users.change_password(ann.id, OTHER, "yet another one")


def test_the_audit_trail_says_who_did_what_and_no_password(database: ServiceDatabase) -> None:
    users = Users(database, cheap())
    ann, once = users.create("ann", by="root")
    assert once is not None
    users.sign_in("ann", once)
    users.change_password(ann.id, once, GOOD)
    again = users.reset_password(ann.id, by="root")
    users.disable(ann.id, by="root")
    with database.read() as session:
        rows = session.scalars(select(AuditRow).order_by(AuditRow.entry)).all()
    assert [(row.actor, row.action) for row in rows] == [
        ("root", "user.create"),
        ("ann", "user.sign_in"),
        ("ann", "user.set_password"),
        ("root", "user.set_password"),
        ("root", "user.disable"),
    ]
    assert not any(secret in row.detail for row in rows for secret in (once, GOOD, again))


def test_what_fails_leaves_nothing_behind(database: ServiceDatabase) -> None:
    users = Users(database, cheap())
    with pytest.raises(AlframeError):
        users.create("ann", "short", by="root")
    with database.read() as session:
        assert session.scalars(select(UserRow)).all() == []
        assert session.scalars(select(AuditRow)).all() == []
