"""What was sold through which connector and to where, what it costs the operator, and what remains (README.md)."""
