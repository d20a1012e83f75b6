"""The virtual environment finds our code wherever the clone lies."""

from __future__ import annotations

import os

from deploy.local import venv
from deploy.local.layout import ROOT


def test_paths_lead_from_site_packages_to_the_clone_and_its_libraries() -> None:
    where = [os.path.normpath(venv._site_packages() / line) for line in venv.PATHS.splitlines()]

    assert where == [str(ROOT), str(ROOT / "libs")]
