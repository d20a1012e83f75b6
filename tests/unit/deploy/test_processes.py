"""The table of processes, and what each is told."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from deploy.local import environment, supervisor
from deploy.local.layout import ROOT, Layout
from deploy.local.processes import PAYMENT_CREDENTIALS, PROCESSES, RELAYED, SERVICES, SIMULATED, Process
from deploy.local.state import State

WORLD = {
    "KERYX_AMQP_URI": "amqp://x",
    **{f"KERYX_DATABASE_URL_{name.upper()}": f"url of {name}" for name in SERVICES},
}


@pytest.fixture
def state(tmp_path: Path) -> State:
    """An installation's memory, in a folder of its own."""
    return State(Layout(tmp_path).make())


def told(name: str, state: State) -> environment.Environment:
    """The environment of the process ``name``."""
    process = next(one for one in PROCESSES if one.name == name)
    return environment.for_process(process, environment.outside(state), WORLD, state)


def test_no_name_stands_for_two_processes() -> None:
    assert len({process.name for process in PROCESSES}) == len(PROCESSES)


def test_every_service_has_its_process_and_every_outbox_its_relay() -> None:
    names = {process.name for process in PROCESSES}
    assert names >= set(SERVICES) | {f"relay-{service}" for service in RELAYED}


@pytest.mark.parametrize("process", PROCESSES, ids=lambda process: process.name)
def test_each_module_of_the_table_is_there(process: Process) -> None:
    if process.module == "gunicorn":
        return
    path = process.module.replace(".", "/")
    candidates = [
        base / f"{path}{ending}" for base in (ROOT, ROOT / "libs") for ending in (".py", "/__main__.py")
    ]
    assert any(candidate.exists() for candidate in candidates), process.module


def test_a_process_sees_its_own_service_s_database_only(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERYX_DATABASE_URL", "the administrator's")
    seen = {name: value for name, value in told("relay-billing", state).items() if "DATABASE" in name}
    assert seen == {"KERYX_DATABASE_URL_BILLING": "url of billing"}


@pytest.mark.parametrize("name", sorted(SIMULATED))
def test_the_outside_world_gets_nothing_of_ours(state: State, name: str) -> None:
    environment_ = told(name, state)
    assert not {"KERYX_AMQP_URI", "KERYX_SECRET_KEY"} & set(environment_)


def test_real_payment_credentials_at_the_keyboard_reach_billing_and_nobody_else(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_up = told("billing", state)
    monkeypatch.setenv("KERYX_VIVA_API_KEY", "real")
    monkeypatch.setenv("KERYX_VIVA_URL", "https://www.vivapayments.com")
    now = told("billing", state)
    assert {name for name in now if now[name] != made_up.get(name)} == {
        "KERYX_VIVA_API_KEY",
        "KERYX_VIVA_URL",
    }
    others = [told(process.name, state) for process in PROCESSES if process.name != "billing"]
    assert [env for env in others if "real" in env.values()] == []


def test_billing_is_told_the_credentials_that_the_simulators_have(state: State) -> None:
    sources = [(ROOT / "simulators" / name / "__main__.py").read_text() for name in ("viva", "paypal")]
    known = dict(re.findall(r'text\("(KERYX_\w+)", "([^"]+)"\)', "".join(sources)))
    told_billing = told("billing", state)
    assert len(PAYMENT_CREDENTIALS) == 7
    assert {name: known[name] for name in PAYMENT_CREDENTIALS} == {
        name: told_billing[name] for name in PAYMENT_CREDENTIALS
    }


def test_no_two_processes_share_a_port(state: State) -> None:
    ports = [told(process.name, state)[process.port] for process in PROCESSES]
    assert len(set(ports)) == len(ports)


def test_ports_are_remembered(state: State, tmp_path: Path) -> None:
    assert environment.outside(state) == environment.outside(State(Layout(tmp_path)))


def test_passwords_last_and_differ_by_purpose_and_installation(state: State, tmp_path: Path) -> None:
    other = State(Layout(tmp_path / "other").make())
    assert state.password("a") == state.password("a")
    assert len({state.password("a"), state.password("b"), other.password("a")}) == 3


def test_the_env_file_reads_back_as_written_and_is_its_owner_s(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    environment.write_env_file(
        layout, {"KERYX_URL": "http://127.0.0.1:1", "KERYX_ACCOUNT_NAME": "Keryx demo"}
    )
    assert environment.read_env_file(layout)["KERYX_ACCOUNT_NAME"] == "Keryx demo"
    assert layout.env_file.stat().st_mode & 0o077 == 0


def command(name: str, *after: str) -> supervisor.Command:
    """A command of which only the order matters."""
    return supervisor.Command(name, (), {}, 0, after)


def test_each_comes_after_its_prerequisites() -> None:
    ordered = supervisor.in_order([command("c", "a", "b"), command("b", "a"), command("a")])
    assert [one.name for one in ordered] == ["a", "b", "c"]


@pytest.mark.parametrize("circle", [[command("a", "b"), command("b", "a")], [command("a", "nobody")]])
def test_a_circle_or_a_stranger_among_prerequisites_is_an_error(circle: list[supervisor.Command]) -> None:
    with pytest.raises(ValueError, match="cannot be met"):
        supervisor.in_order(circle)
