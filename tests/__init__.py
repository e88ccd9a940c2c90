"""Tests; a package, since another distribution installs a top-level package `tests`."""
