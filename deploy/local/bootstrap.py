"""The first accounts of the stack and their keys."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping

from deploy.local.environment import PASSED_ON, Environment
from deploy.local.layout import ROOT, VENV_PYTHON, Problem
from deploy.local.worlds import World

TOLD = {
    "KERYX_OPERATOR_KEY": "operator_key",
    "KERYX_API_KEY": "api_key",
    "KERYX_ACCOUNT_ID": "account_id",
    "KERYX_ACCOUNT_NAME": "account_name",
}


def keys(world: World, known: Mapping[str, str]) -> Environment:
    """The operator's and the demo account's keys as variables, accounts made where missing.

    Keys are stored only as hashes, so those told before (``known``) go back in, and stay if they still work.
    """
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    environment |= {name: known[name] for name in TOLD if name in known}
    done = subprocess.run(
        [str(VENV_PYTHON), "-m", "services.accounts.bootstrap"],
        cwd=ROOT,
        env=environment | world.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Problem(f"the first accounts could not be made:\n{done.stderr.strip()[-4000:]}")
    answer = json.loads(done.stdout.splitlines()[-1])
    return {variable: str(answer[field]) for variable, field in TOLD.items()}
