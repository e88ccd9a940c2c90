#!/usr/bin/env bash
# Trains and measures everything in results/audio.md, and writes its tables. Hours on two cores; a
# command that was interrupted goes on where it stopped, and one that is done is not repeated.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
RUNS=${RUNS:-runs/audio}
mkdir -p "$RUNS"
train() {
  local name=$1
  shift
  [ -e "$RUNS/$name/evaluation.json" ] || vqvae-train --data=embedded:speech \
    --validation=embedded:speech/validation --workdir="$RUNS/$name" "$@"
}
for seed in 0 1 2; do
  train "codes25-$seed" --preset=phonemes --config.training.seed=$seed
  train "codes50-$seed" --preset=phonemes --config.strides=2 --config.training.seed=$seed
done
train raw25-0 --preset=phonemes_from_waveforms
python results/audio/phones.py "$RUNS" codes25-{0,1,2} codes50-{0,1,2} raw25-0
train voices --preset=voices --codes_from="$RUNS/codes25-0" --config.training.steps=2500
steps=1000,2000,4000,10000
python results/audio/over_time.py "$RUNS/raw25-0" "$RUNS/wavenet" --steps=$steps
python results/audio/conversion.py "$RUNS"/codes25-{0,1,2} \
  "$RUNS/voices" --split=test --utterances=20 --judges="$RUNS" --output="$RUNS/conversion.json"
python results/audio/conversion.py "$RUNS"/wavenet@* \
  --split=test --utterances=10 --judges="$RUNS" --output="$RUNS/wavenet.json"
[ -e "$RUNS/words.json" ] || python results/audio/words.py "$RUNS/codes25-0" --output="$RUNS/words.json"
[ -e "$RUNS/words_wavenet.json" ] || python results/audio/words.py "$RUNS/wavenet" \
  --output="$RUNS/words_wavenet.json"
[ -e "$RUNS/prior/evaluation.json" ] || vqvae-train-prior --preset=speech_prior \
  --model="$RUNS/raw25-0" --data=embedded:speech --validation=embedded:speech/validation \
  --workdir="$RUNS/prior" --config.length=50
[ -e "$RUNS/prior.json" ] || python results/audio/prior.py "$RUNS/prior" \
  --output="$RUNS/prior.json" --picture=results/audio/prior.webp
python results/audio/spectrograms.py "$RUNS/codes25-0" results/audio/conversion.webp
python results/audio/spectrograms.py "$RUNS/wavenet" results/audio/wavenet.webp
[ -e "$RUNS/recordings.json" ] || python results/audio/recordings.py "$RUNS/recordings" \
  "$RUNS"/{codes25-0,raw25-0,voices} --judges="$RUNS" --output="$RUNS/recordings.json"
python results/audio/page.py "$RUNS"
