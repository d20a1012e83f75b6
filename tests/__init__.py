"""All tests: unit (no sockets), contract, integration (real servers), e2e (running processes)."""
