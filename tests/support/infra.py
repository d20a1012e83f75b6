"""Databases and virtual hosts for tests: migrated once a session, then copied, so each is as good as new."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from psycopg2 import sql

from deploy.local import worlds
from deploy.local.pair import Pair


@dataclass
class Infra:
    """One session's world. ``migrate(service, url)`` brings a database to the newest revision."""

    world: worlds.World
    pair: Pair
    migrate: Callable[[str, str], None]
    _templates: set[str] = field(default_factory=set)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def amqp_uri(self) -> str:
        """The session's virtual host; shared, so prefer ``virtual_host``."""
        return self.world.amqp_uri

    @contextmanager
    def database(self, service: str) -> Iterator[str]:
        """URL of a new, migrated, empty database of ``service``; about 0.1 s. Gone after the block."""
        template = f"{self.world.name}_{service}"
        if service not in self._templates:
            self.migrate(service, self.world.database_urls[service])
            self._templates.add(service)
        copy = f"{template}_{next(self._numbers)}"
        names = {"copy": sql.Identifier(copy), "template": sql.Identifier(template)}
        with worlds.administering(self.world.admin_url) as cursor:
            cursor.execute(
                sql.SQL("CREATE DATABASE {copy} TEMPLATE {template} OWNER {template}").format(**names)
            )
            cursor.execute(sql.SQL("REVOKE ALL ON DATABASE {copy} FROM PUBLIC").format(**names))
        try:
            yield urlsplit(self.world.database_urls[service])._replace(path=f"/{copy}").geturl()
        finally:
            with worlds.administering(self.world.admin_url) as cursor:
                worlds.drop_database(cursor, copy)

    @contextmanager
    def virtual_host(self) -> Iterator[str]:
        """AMQP URI of a new virtual host with nothing in it; about 0.1 s. Gone after the block.

        On a broker of somebody else's it is that broker's one virtual host, as it is.
        """
        if self.pair.given_broker:
            yield self.world.amqp_uri
            return
        host = f"{self.world.name}_{next(self._numbers)}"
        worlds.add_virtual_host(self.pair, host, self.world.name)
        try:
            yield urlsplit(self.world.amqp_uri)._replace(path=f"/{host}").geturl()
        finally:
            worlds.remove_virtual_host(self.pair, host)
