"""The commands of `meal`, a family a module; `cli.py` puts them together. What they do is in the rooms they call."""
