"""An operator's SMSC that speaks SMPP 3.4 over TCP and misbehaves on request. `python -m simulators.smsc`."""
