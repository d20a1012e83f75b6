"""Campaigns: a text for an audience, from draft to the last receipt."""
