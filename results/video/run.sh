#!/usr/bin/env bash
# Trains and measures everything in results/video.md, and writes its tables and pictures. Hours on two
# cores; a command that was interrupted goes on where it stopped, and one that is done is not repeated.
# WORLDS, SEEDS: what is trained. RUNS: where the runs are.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
RUNS=${RUNS:-runs/video}
mkdir -p "$RUNS"
measure() { # world, seed, split, name
  local run="$RUNS/$1-$2"
  [ -e "$run-$4.json" ] || vqvae-evaluate --model="$run" --data="embedded:$1/$3" --output="$run-$4.json"
  [ -e "$run-$4-rollouts.json" ] || vqvae-evaluate --model="$run" --prior="$run-prior" --rollouts \
    --data="embedded:$1/$3" --clips=24 --seed="$2" --wrong_actions --temperature=0.7 \
    --output="$run-$4-rollouts.json"
}
for world in ${WORLDS:-labmaze doom}; do
  other=other_style
  [ "$world" = doom ] && other=other_map
  for seed in ${SEEDS:-0 1 2}; do
    run="$RUNS/$world-$seed"
    [ -e "$run/evaluation.json" ] || vqvae-train --preset="$world" --data="embedded:$world" \
      --validation="embedded:$world/validation" --workdir="$run" --config.training.seed="$seed"
    [ -e "$run-prior/evaluation.json" ] || vqvae-train-prior --preset="${world}_prior" --model="$run" \
      --data="embedded:$world" --validation="embedded:$world/validation" --workdir="$run-prior" \
      --config.training.seed="$seed"
    measure "$world" "$seed" test test
    measure "$world" "$seed" "$other" other
  done
done
python results/video/page.py "$RUNS"
python results/video/pictures.py "$RUNS"
