#!/usr/bin/env bash
# Trains and measures everything in results/video.md, and writes its tables and pictures. Hours on two
# cores; a command that was interrupted goes on where it stopped, and one that is done is not repeated.
# SETS, SEEDS: what is trained; sets other than labmaze and doom have seed 0 alone, and only its models
# see the other scene. RUNS: where the runs are. PRECISION: of training; float32 where the processor has
# no instructions for bfloat16.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
RUNS=${RUNS:-runs/video}
PRECISION=--config.training.precision=${PRECISION:-mixed_bfloat16}
mkdir -p "$RUNS"
train_prior() { # run, episodes, preset, seed, workdir, more flags
  [ -e "$5/evaluation.json" ] || vqvae-train-prior --preset="$3_prior" --model="$1" --data="$2" \
    --validation="$2/validation" --workdir="$5" --config.training.seed="$4" "$PRECISION" "${@:6}"
}
roll_out() { # run, prior, episodes, seed, file
  [ -e "$5" ] || vqvae-evaluate --model="$1" --prior="$2" --rollouts --data="$3" --clips=24 \
    --seed="$4" --wrong_actions --output="$5"
}
measure() { # set, episodes, seed, split, name
  local run="$RUNS/$1-$3"
  [ -e "$run-$5.json" ] || vqvae-evaluate --model="$run" --data="$2/$4" --output="$run-$5.json"
  roll_out "$run" "$run-prior" "$2/$4" "$3" "$run-$5-rollouts.json"
}
for set in ${SETS:-labmaze doom labmaze_84 labmaze_space_time}; do
  preset=${set%%_*} model=${set%_84}
  other=other_style
  [ "$preset" = doom ] && other=other_map
  episodes=embedded:$preset seeds=${SEEDS:-0 1 2} flags=() prior_flags=()
  case $set in
    labmaze_84)
      episodes=embedded:labmaze_84 seeds=0 flags=(--config.data.image_size=84)
      prior_flags=(--config.grid=21,21)
      ;;
    labmaze_space_time) seeds=0 ;;
  esac
  for seed in $seeds; do
    run="$RUNS/$set-$seed"
    [ -e "$run/evaluation.json" ] || vqvae-train --preset="$model" --data="$episodes" \
      --validation="$episodes/validation" --workdir="$run" --config.training.seed="$seed" \
      "$PRECISION" "${flags[@]}"
    train_prior "$run" "$episodes" "$preset" "$seed" "$run-prior" "${prior_flags[@]}"
    measure "$set" "$episodes" "$seed" test test
    if [ "$seed" = 0 ]; then measure "$set" "$episodes" "$seed" "$other" other; fi
  done
done
for set in labmaze doom; do # a prior that never was told an action
  run="$RUNS/$set-0"
  [ -e "$run/evaluation.json" ] || continue
  train_prior "$run" "embedded:$set" "$set" 0 "$run-prior_without_actions" --config.num_classes=0
  roll_out "$run" "$run-prior_without_actions" "embedded:$set/test" 0 \
    "$run-test-rollouts_without_actions.json"
done
python results/video/page.py "$RUNS"
python results/video/pictures.py "$RUNS"
