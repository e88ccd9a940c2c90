#!/bin/sh
# Trains and measures the models of results/image.md, and writes its tables and pictures.
# Runs already in runs/image/ are resumed; complete runs are only measured again.
export PYTHONPATH="results${PYTHONPATH:+:$PYTHONPATH}"
exec "${PYTHON:-.venv/bin/python}" results/image/run.py "$@"
