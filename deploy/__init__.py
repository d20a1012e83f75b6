"""How Keryx is put onto machines: ``local`` for a laptop or a test machine without containers."""
