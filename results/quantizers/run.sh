#!/bin/sh
# Measures what results/quantizers.md reports, and writes its tables and pictures. Figures in
# results/quantizers/figures.json are kept; `--again` measures them again. `growth` needs an idle machine.
export PYTHONPATH="results${PYTHONPATH:+:$PYTHONPATH}"
exec "${PYTHON:-.venv/bin/python}" results/quantizers/run.py "$@"
