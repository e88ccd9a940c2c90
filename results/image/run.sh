#!/bin/sh
# Trains what results/image.md reports, measures it, and writes the page and its pictures anew.
# Runs already in runs/image/ are gone on with, or only measured again if they are complete.
export PYTHONPATH="results${PYTHONPATH:+:$PYTHONPATH}"
exec "${PYTHON:-.venv/bin/python}" results/image/run.py "$@"
