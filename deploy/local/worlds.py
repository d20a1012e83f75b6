"""A world is one set of names on a pair: a virtual host, and a database with its own role per service.

The running stack is the world ``keryx``; each test run has one of its own, so they never meet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor

from deploy.local.layout import Problem
from deploy.local.pair import Pair
from deploy.local.processes import SERVICES

STACK = "keryx"
USERS = "rabbit_auth_backend_internal"


@dataclass(frozen=True)
class World:
    """How to reach one world. ``admin_url`` may create databases; only scripts and tests ever see it."""

    name: str
    amqp_uri: str
    admin_url: str
    database_urls: Mapping[str, str]

    def environment(self) -> dict[str, str]:
        """The variables that services read: KERYX_AMQP_URI and KERYX_DATABASE_URL_<SERVICE>."""
        urls = {f"KERYX_DATABASE_URL_{service.upper()}": url for service, url in self.database_urls.items()}
        return {"KERYX_AMQP_URI": self.amqp_uri, **urls}


def provision(pair: Pair, name: str = STACK) -> World:
    """Make the world ``name`` on the running ``pair``, or bring what is there of it into order.

    Only a role of its own may connect to a database. Raises Problem when the pair is somebody's and refuses.
    """
    admin_url = pair.given_database or pair.postgres.admin_url()
    passwords = {service: pair.state.password(f"postgres:{name}_{service}") for service in SERVICES}
    with administering(admin_url) as cursor:
        for service, password in passwords.items():
            _database_with_role(cursor, f"{name}_{service}", password)
    urls = {
        service: database_url(admin_url, f"{name}_{service}", password)
        for service, password in passwords.items()
    }
    return World(name, pair.given_broker or _virtual_host(pair, name), admin_url, urls)


def drop(pair: Pair, name: str) -> None:
    """Remove the world ``name``: its roles, and all databases and virtual hosts named after it."""
    with administering(pair.given_database or pair.postgres.admin_url()) as cursor:
        for database in _databases(cursor, f"{name}_"):
            drop_database(cursor, database)
        for service in SERVICES:
            cursor.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(f"{name}_{service}")))
    if pair.given_broker is None:
        pair.rabbitmq.evaluate(
            f"[rabbit_vhost:delete(H, {_binary(name)}) || H <- rabbit_vhost:list_names(),"
            f" H =:= {_binary(name)} orelse string:prefix(H, {_binary(name + '_')}) =/= nomatch],"
            f"catch {USERS}:delete_user({_binary(name)}, {_binary(name)}), ok"
        )


def names(pair: Pair, prefix: str) -> set[str]:
    """The worlds whose name starts with ``prefix``, by the databases that are there."""
    with administering(pair.given_database or pair.postgres.admin_url()) as cursor:
        found = _databases(cursor, prefix)
    suffixes = tuple(f"_{service}" for service in SERVICES)
    return {name.rpartition("_")[0] for name in found if name.endswith(suffixes)}


def drop_database(cursor: Cursor, name: str) -> None:
    """Drop the database ``name``, cutting whoever is connected to it."""
    cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def database_url(any_url: str, database: str, password: str) -> str:
    """The URL of ``database`` for the role of the same name, on the server of ``any_url``."""
    parts = urlsplit(any_url)
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{database}:{quote(password)}@{host}", path=f"/{database}").geturl()


@contextmanager
def administering(url: str) -> Iterator[Cursor]:
    """A cursor that commits every statement by itself, as CREATE DATABASE demands."""
    try:
        connection = psycopg2.connect(url, connect_timeout=10)
    except psycopg2.OperationalError as error:
        raise Problem(f"the database server does not let us in: {str(error).strip()}") from None
    try:
        connection.autocommit = True
        yield connection.cursor()
    finally:
        connection.close()


def _database_with_role(cursor: Cursor, name: str, password: str) -> None:
    identifier = sql.Identifier(name)
    cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (name,))
    verb = "ALTER" if cursor.fetchone() else "CREATE"
    cursor.execute(sql.SQL(verb + " ROLE {} LOGIN PASSWORD %s").format(identifier), (password,))
    cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
    if cursor.fetchone() is None:
        # An administrator that is no superuser may give a database only to a role it is a member of.
        cursor.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(identifier))
        cursor.execute(sql.SQL("CREATE DATABASE {0} OWNER {0} TEMPLATE template0").format(identifier))
    cursor.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(identifier))


def _databases(cursor: Cursor, prefix: str) -> list[str]:
    cursor.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s) ORDER BY 1", (prefix,))
    return [row[0] for row in cursor.fetchall()]


def _virtual_host(pair: Pair, name: str) -> str:
    """Make the world's virtual host and the only user that may enter it; its AMQP URI."""
    password, user = pair.state.password(f"rabbitmq:{name}"), _binary(name)
    pair.rabbitmq.evaluate(
        f'catch {USERS}:delete_user(<<"guest">>, {user}),'
        f"case {USERS}:exists({user}) of"
        f" true -> ok = {USERS}:change_password({user}, {_binary(password)}, {user});"
        f" false -> ok = {USERS}:add_user({user}, {_binary(password)}, {user}) end"
    )
    add_virtual_host(pair, name, name)
    return f"amqp://{name}:{password}@127.0.0.1:{pair.rabbitmq.port}/{name}"


def add_virtual_host(pair: Pair, host: str, user: str) -> None:
    """Make the virtual host ``host`` on the private broker, if it is not there, and let ``user`` in."""
    where, who, everything = _binary(host), _binary(user), ", ".join(['<<".*">>'] * 3)
    pair.rabbitmq.evaluate(
        f"case rabbit_vhost:exists({where}) of"
        f" true -> ok; false -> ok = rabbit_vhost:add({where}, {who}) end,"
        f"ok = {USERS}:set_permissions({who}, {where}, {everything}, {who})"
    )


def remove_virtual_host(pair: Pair, host: str) -> None:
    """Remove the virtual host ``host`` of the private broker with all its queues, cutting its connections."""
    pair.rabbitmq.evaluate(f"catch rabbit_vhost:delete({_binary(host)}, {_binary(host)}), ok")


def _binary(text: str) -> str:
    """``text``, one of our own plain names, as Erlang writes a string of bytes."""
    return f'<<"{text}">>'
