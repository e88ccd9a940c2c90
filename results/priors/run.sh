#!/bin/sh
# Trains what results/priors.md reports, measures it, and writes the page and its pictures anew.
# Runs already in runs/priors/ are gone on with, or only measured again if they are complete.
export PYTHONPATH="results${PYTHONPATH:+:$PYTHONPATH}"
exec "${PYTHON:-.venv/bin/python}" results/priors/run.py "$@"
