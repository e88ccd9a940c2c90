#!/bin/sh
# Measures what results/quantizers.md reports, and writes the page and its pictures anew. Figures in
# results/quantizers/figures.json are kept: `--again` measures anew, `growth` wants a calm machine.
export PYTHONPATH="results${PYTHONPATH:+:$PYTHONPATH}"
exec "${PYTHON:-.venv/bin/python}" results/quantizers/run.py "$@"
