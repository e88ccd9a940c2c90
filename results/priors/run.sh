#!/bin/sh
# Trains and measures the models of results/priors.md, and writes its tables and pictures.
# Runs already in runs/priors/ are resumed; complete runs are only measured again.
export PYTHONPATH="results${PYTHONPATH:+:$PYTHONPATH}"
exec "${PYTHON:-.venv/bin/python}" results/priors/run.py "$@"
