"""A labelling service in a folder: its database, its images, its secret."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from alframe.access.oidc import Provider, SignInElsewhere
from alframe.access.roles import Roles
from alframe.access.secret import service_secret
from alframe.access.tokens import Tokens
from alframe.access.users import Users
from alframe.labelling.folder import open_service_folder
from alframe.labelling.images import ImageStore
from alframe.labelling.items import Items
from alframe.labelling.projects import Projects
from alframe.labelling.queue.queue import Queue
from alframe.labelling.settling.gold import Gold
from alframe.labelling.settling.reviewing import Reviews
from alframe.storage.service import ServiceDatabase


@dataclass(frozen=True)
class Settings:
    """How the server works.

    Attributes:
        token_seconds: how long an access token is good for.
        most_bytes: of a request's body.
        most_bytes_of_upload: of one that brings images.
        housekeeping_seconds: from one look after settled, old and undelivered things to the next.
        provider: where the organisation's accounts are; ``None`` where people have passwords only.
        private_webhooks: whether webhooks may lead to private networks and to this machine.
    """

    token_seconds: float = 900.0
    most_bytes: int = 1 << 20
    most_bytes_of_upload: int = 64 << 20
    housekeeping_seconds: float = 1.0
    provider: Provider | None = None
    private_webhooks: bool = False


@dataclass(frozen=True)
class Service:
    """What every request works with.

    Attributes:
        database: users, projects, tasks, answers.
        images: the folder of images.
        secret: with which tokens are signed.
        settings: how the server works.
    """

    database: ServiceDatabase
    images: ImageStore
    secret: bytes = field(repr=False)
    settings: Settings = Settings()

    @cached_property
    def users(self) -> Users:
        """Who may sign in."""
        return Users(self.database)

    @cached_property
    def roles(self) -> Roles:
        """Who is what in which project."""
        return Roles(self.database)

    @cached_property
    def tokens(self) -> Tokens:
        """What says who asks."""
        return Tokens(self.database, self.secret, self.settings.token_seconds)

    @cached_property
    def elsewhere(self) -> SignInElsewhere | None:
        """Signing in with an organisation's account, where there are some."""
        provider = self.settings.provider
        return None if provider is None else SignInElsewhere(self.database, provider, self.secret)

    @cached_property
    def projects(self) -> Projects:
        """What is labelled."""
        return Projects(self.database)

    @cached_property
    def items(self) -> Items:
        """The projects' images."""
        return Items(self.database)

    @cached_property
    def gold(self) -> Gold:
        """The items whose label is certain."""
        return Gold(self.database)

    @cached_property
    def queue(self) -> Queue:
        """What waits for whom, with gold mixed in."""
        return Queue(self.database, self.gold.mix)

    @cached_property
    def reviews(self) -> Reviews:
        """What reviewers decide."""
        return Reviews(self.database)

    def close(self) -> None:
        """Close the database."""
        self.database.close()


def open_folder(folder: Path, database_url: str | None = None, settings: Settings | None = None) -> Service:
    """Open (or create) the service in ``folder``; its database is there too, or at ``database_url``.

    Raises:
        ConfigurationError: the folder or the database cannot be used.
    """
    database, images = open_service_folder(folder, database_url)
    return Service(database, images, service_secret(folder), settings or Settings())
