#!/bin/sh
# Measures what results/sampling.md reports, and writes the page and its picture anew. Figures in
# results/sampling/figures.json are kept: `--again` measures anew.
export PYTHONPATH="results${PYTHONPATH:+:$PYTHONPATH}"
exec "${PYTHON:-.venv/bin/python}" results/sampling/run.py "$@"
