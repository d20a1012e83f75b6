"""From a hostile file or paste to a verdict on every row. Pure: no database, no broker.

`analysis` ties the parts together; `sandbox` runs it in a child process that ends.
"""
