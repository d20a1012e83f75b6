"""docker-compose.yml is well-formed and says the same as the table of processes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from deploy.local.layout import ROOT
from deploy.local.processes import PROCESSES, SERVICES, SIMULATED, Process

SCHEMA = Path(__file__).parents[2] / "support" / "compose-spec.json"
SERVERS = {"postgres", "rabbitmq", "migrate"}
TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")

every_process = pytest.mark.parametrize("process", PROCESSES, ids=lambda process: process.name)


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The file, read as compose reads it."""
    found: dict[str, Any] = yaml.safe_load(TEXT)
    return found


def test_it_fulfils_the_compose_specification(compose: dict[str, Any]) -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    errors = [
        f"{error.json_path}: {error.message}" for error in Draft202012Validator(schema).iter_errors(compose)
    ]
    assert errors == []


def test_it_has_the_processes_of_the_table_and_the_servers_they_need(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == SERVERS | {process.name for process in PROCESSES}


@every_process
def test_each_container_runs_what_the_table_says(compose: dict[str, Any], process: Process) -> None:
    container = compose["services"][process.name]
    told = {"KERYX_HOST": "0.0.0.0", **container["environment"]}
    arguments = [argument.format_map(told) for argument in process.arguments]
    assert container["command"] == ["python", "-m", process.module, *arguments]


@every_process
def test_each_container_waits_for_whom_the_table_says(compose: dict[str, Any], process: Process) -> None:
    prepared = set() if process.name in SIMULATED else {"migrate", "rabbitmq"}
    assert set(compose["services"][process.name].get("depends_on", {})) == prepared | set(process.after)


@every_process
def test_each_container_is_told_of_its_own_database_only(compose: dict[str, Any], process: Process) -> None:
    told = compose["services"][process.name]["environment"]
    databases = {name for name in told if name.startswith("KERYX_DATABASE_URL")}
    assert databases == ({f"KERYX_DATABASE_URL_{process.service.upper()}"} if process.service else set())
    assert ("KERYX_SECRET_KEY" in told) == (process.name not in SIMULATED)


@every_process
def test_each_container_is_checked_where_it_answers(compose: dict[str, Any], process: Process) -> None:
    container = compose["services"][process.name]
    probe = container["healthcheck"]["test"][-1]
    assert f"http://127.0.0.1:{container['environment'][process.port]}/readyz" in probe


@every_process
def test_each_container_is_hardened(compose: dict[str, Any], process: Process) -> None:
    container = compose["services"][process.name]
    assert container["read_only"] is True
    assert container["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in container["security_opt"]


def test_ports_are_published_to_this_machine_only(compose: dict[str, Any]) -> None:
    published = [port for container in compose["services"].values() for port in container.get("ports", [])]
    assert published
    assert [port for port in published if not port.startswith("127.0.0.1:")] == []


def test_every_secret_must_be_given_and_the_laptop_s_file_gives_exactly_those() -> None:
    secret = r"\$\{(KERYX_\w*(?:PASSWORD|SECRET|API_KEY)\w*)(:\?)?"
    used = {match[1]: match[2] for match in re.finditer(secret, TEXT)}
    assert set(used.values()) == {":?"}
    laptop = (ROOT / "deploy/compose/laptop.env").read_text(encoding="utf-8")
    assert set(re.findall(r"^(\w+)=", laptop, re.MULTILINE)) == set(used)
    assert len([name for name in used if name.startswith("KERYX_DB_PASSWORD_")]) == len(SERVICES)


def test_the_image_holds_no_secret_and_does_not_run_as_root() -> None:
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert re.search(r"^USER 10001:10001$", lines, re.MULTILINE)
    assert "--require-hashes" in lines
    assert not re.search(r"PASSWORD|SECRET|TOKEN", lines)


@every_process
def test_only_billing_and_the_provider_itself_hear_of_a_provider_s_credentials(
    compose: dict[str, Any], process: Process
) -> None:
    told = compose["services"][process.name]["environment"]
    hears = {name for name in ("viva", "paypal") if f"KERYX_{name.upper()}_CLIENT_SECRET" in told}
    assert hears == ({"viva", "paypal"} if process.name == "billing" else {process.name} & {"viva", "paypal"})
