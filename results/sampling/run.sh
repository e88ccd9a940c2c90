#!/bin/sh
# Measures the samplers for results/sampling.md, and writes its tables and picture. Figures in
# results/sampling/figures.json are kept; `--again` measures them again.
export PYTHONPATH="results${PYTHONPATH:+:$PYTHONPATH}"
exec "${PYTHON:-.venv/bin/python}" results/sampling/run.py "$@"
