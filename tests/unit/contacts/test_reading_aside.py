"""What the service of contacts reads in a native thread takes no lock of eventlet's there."""

from __future__ import annotations

import subprocess
import sys

LOOK = """
import services.contacts.main
from phonenumbers import PhoneMetadata as Plans

class Lock:
    def acquire(self): print("locked")
    def release(self): pass

Plans._metadata_lock = Lock()
for code in sorted(Plans._region_available):
    assert Plans.metadata_for_region(code)
for code in Plans._country_code_available:
    assert Plans.metadata_for_nongeo_region(code)
"""


def test_no_numbering_plan_is_left_to_be_loaded_under_a_lock():
    said = subprocess.run([sys.executable, "-W", "ignore", "-c", LOOK], capture_output=True, check=True)
    assert said.stdout == b""
