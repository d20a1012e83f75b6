"""Shapes that cross a process boundary: the envelope, the events, the chunk of a campaign, tariffs and errors.

No dependency, no behaviour beyond reading and writing itself. A shape changes by adding optional fields; anything
else is a new version published beside the old one (docs/events.md).
"""
