"""The demonstration: a whole campaign as a customer runs it, over the REST API, and proof that it went right."""
