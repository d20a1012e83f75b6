"""Money that comes in: the port to payment providers, bank deposits, vouchers, and the one place that credits."""
