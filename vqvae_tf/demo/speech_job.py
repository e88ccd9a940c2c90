"""The demo of speech: trains codes, a decoder of waveforms and a prior, and writes a report.

Everything is in one folder: `model/` (the codes), `voices/` (the decoder of waveforms) and `prior/`
(workdirs), `samples/`, `report.html` and `timings.json`. The same call resumes an interrupted demo.
"""

import dataclasses
import os
from typing import Any

import numpy as np

from vqvae_tf import data, models, presets, reporting, workflows, written_files
from vqvae_tf.demo.clock import trained_seconds
from vqvae_tf.demo.run_facts import code_counts, rows_of, stage_of, start, this_run
from vqvae_tf.demo.speech_facts import Sentence, SpeechFacts, SpeechSample
from vqvae_tf.demo.speech_report import speech_report
from vqvae_tf.media import AudioMedium
from vqvae_tf.media.output_files import write_wav

DATA = "embedded:speech"
# Held-out sentences that are heard, in few voices: each is decoded several times to be measured.
HEARD = "embedded:speech_small/validation"
# Numbers of voices: the first says a sentence, and its codes are decoded in the second.
PAIRS = ((0, 3), (3, 2), (5, 0))
SAMPLED_VOICES = 4
_PRIOR_CODES = 48  # of a training example: two seconds, less than most sentences have
# Parts of the run, by their names in the report.
_SPEAKING = "speaking the sentences"
_CODES = "training the codes"
_VOICES = "training the decoder of waveforms"
_PRIOR = "encoding the sentences and training the prior"


def run(
    output: str,
    codes_config: models.AudioConfig | None = None,
    voices_config: models.AudioConfig | None = None,
    prior_config: models.WaveNetPriorConfig | None = None,
    data_uri: str = DATA,
) -> str:
    """Runs the demo of speech into the folder `output`.

    Args:
        output: the folder.
        codes_config, voices_config, prior_config: by default the presets `phonemes`, `voices` and
            `speech_prior`, with fewer steps.
        data_uri: "embedded:speech" or "embedded:speech_small".

    Returns:
        The path of the report.

    Raises:
        UserError: for anything that the user can correct.
    """
    codes_config = codes_config or _preset("phonemes", steps=2_500)
    voices_config = voices_config or _preset("voices", steps=1_500)
    prior_config = prior_config or dataclasses.replace(
        _preset("speech_prior", steps=600), length=_PRIOR_CODES
    )
    output, report, clock = start(output)
    model_path, voices_path, prior_path, samples_path = (
        os.path.join(output, name) for name in ("model", "voices", "prior", "samples")
    )
    source, held_out = (data.open_sounds(uri) for uri in (data_uri, f"{data_uri}/validation"))
    rate = codes_config.sample_rate
    with clock.part(_SPEAKING):
        seconds = sum(len(sound["audio"]) for sound in source.sounds(rate)) / rate
    with clock.part(_CODES):
        of_codes = workflows.train(codes_config, data_uri, model_path, validation_uri=HEARD)
    with clock.part("comparing codes with phones"):
        phones = workflows.evaluate_phones(model_path, held_out.uri, data_uri)
    with clock.part(_VOICES):
        of_voices = workflows.train(
            voices_config, data_uri, voices_path, validation_uri=HEARD, codes_from=model_path
        )
    with clock.part(_PRIOR):
        of_prior = workflows.train_prior(
            prior_config, voices_path, data_uri, prior_path, validation_uri=held_out.uri
        )
    model: models.AudioVQVAE
    prior, model = workflows.load_pair(prior_path)
    with clock.part("decoding and sampling"):
        counts = code_counts(model, source)
        sentences = _sentences(model, held_out)
        samples, independent = _samples(prior, model, counts, samples_path)
    paths = {_CODES: model_path, _VOICES: voices_path, _PRIOR: prior_path}
    rows = {part: rows_of(path) for part, path in paths.items()}
    for part in paths:
        clock.at_least(part, trained_seconds(rows[part]))
    facts = SpeechFacts(
        voices=source.class_names,
        training_seconds=seconds,
        sample_rate=rate,
        codes_per_second=rate / model.config.stride,
        codebook=np.asarray(model.code_vectors),
        code_counts=counts,
        sentences=sentences,
        phones=phones,
        griffin_lim_distance=of_codes["mel_distance_db"],
        network_distance=of_voices["mel_distance_db"],
        prior_bits_per_code=of_prior["bits_per_code"],
        samples=samples,
        independent=independent,
        stages=[
            stage_of(
                title, trained, clock.seconds[part], rows[part], {column: legend}, unit, log=log
            )
            for part, trained, title, column, legend, unit, log in (
                (
                    _CODES,
                    workflows.load_autoencoder(model_path),
                    "The codes",
                    "reconstruction",
                    "squared error of cepstra / variance",
                    "loss",
                    True,
                ),
                (
                    _VOICES,
                    model,
                    "The decoder of waveforms",
                    "reconstruction",
                    "distance of spectra",
                    "loss",
                    True,
                ),
                (
                    _PRIOR,
                    prior,
                    "The prior",
                    "bits_per_code",
                    "on training codes",
                    "bits per code",
                    False,
                ),
            )
        ],
        run=this_run(clock, codes_config.training.seed, _commands(output, source.class_names[0])),
    )
    written_files.write_bytes(report, reporting.render(speech_report(facts)).encode())
    return report


def _preset(name: str, steps: int) -> Any:
    """A preset with fewer steps."""
    config = presets.preset(name)
    return dataclasses.replace(
        config, training=dataclasses.replace(config.training, steps=steps, checkpoint_every=200)
    )


def _sentences(model: models.AudioVQVAE, source: data.SoundSource) -> list[Sentence]:
    """A sentence for each of the pairs of voices, each pair with another sentence."""
    coded = {
        (sound["text"], sound["speaker"]): (sound["audio"], codes)
        for sound, codes in AudioMedium().coded_sounds(model, source)
    }
    texts = list(dict.fromkeys(text for text, _ in coded))
    voices = source.class_names
    found = []
    for text, pair in zip(texts, PAIRS, strict=False):
        first, second = (number % len(voices) for number in pair)
        original, codes = coded[text, first]
        decoded = [
            np.asarray(model.decode(codes[None], voices[number]))[0, : len(original)]
            for number in (first, second)
        ]
        found.append(
            Sentence(
                text=str(text),
                voice=voices[first],
                original=original,
                codes=codes,
                reconstruction=decoded[0],
                other_voice=voices[second],
                converted=decoded[1],
                other_original=coded[text, second][0],
            )
        )
    return found


def _samples(
    prior: models.Prior, model: models.AudioVQVAE, counts: np.ndarray, folder: str
) -> tuple[list[SpeechSample], np.ndarray]:
    """Samples by voice, and the sound of codes drawn by their frequencies."""
    voices = model.config.speakers[:SAMPLED_VOICES]
    numbers = np.arange(len(voices), dtype=np.int32)
    codes = np.asarray(prior.sample(len(voices), grid=prior.config.crop, seed=0, speaker=numbers))
    sounds = np.asarray(model.decode(codes, numbers))
    os.makedirs(folder, exist_ok=True)
    for voice, audio in zip(voices, sounds, strict=True):
        write_wav(os.path.join(folder, f"{voice}.wav"), audio, model.config.sample_rate)
    samples = [SpeechSample(*each) for each in zip(voices, sounds, codes, strict=True)]
    draws = np.random.default_rng(0).choice(
        len(counts), (1, codes.shape[1]), p=counts / counts.sum()
    )
    return samples, np.asarray(model.decode(draws.astype(np.int32), voices[0]))[0]


def _commands(output: str, voice: str) -> list[tuple[str, str]]:
    return [
        (
            "Convert recordings to a voice of the demo",
            f"vqvae-convert --model={output}/voices --speaker={voice} --data=folder:SOUNDS "
            "--output=converted",
        ),
        (
            "Draw more speech",
            f"vqvae-sample --prior={output}/prior --speaker={voice} --count=4 --output=more",
        ),
        (
            "Measure the codes on sentences that nothing was chosen by",
            f"vqvae-evaluate --model={output}/model --phones --train_data={DATA} "
            f"--data={DATA}/test --output=phones.json",
        ),
        (
            "Train longer, on your own recordings: a folder with a sub-folder for each speaker",
            "vqvae-train --preset=phonemes --data=folder:SOUNDS --workdir=runs/codes",
        ),
        (
            "Train a decoder of waveforms for these codes",
            "vqvae-train --preset=voices --codes_from=runs/codes --data=folder:SOUNDS "
            "--workdir=runs/voices",
        ),
    ]
