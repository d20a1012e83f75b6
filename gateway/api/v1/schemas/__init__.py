"""Shapes of the API: what a caller may send, what is shown. Nothing else reaches a service or leaves one."""
