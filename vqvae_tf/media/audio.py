"""Sounds: opened, cut into windows, measured, encoded, and written with their reconstructions."""

import dataclasses
import functools
import itertools
import math
import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
import tqdm
from absl import logging

from vqvae_tf import data, models
from vqvae_tf.data import disk
from vqvae_tf.errors import UserError, listed, nearest
from vqvae_tf.media import evaluation, known_failures, medium
from vqvae_tf.media.output_files import (
    new_name,
    write_codes,
    write_wav_pieces,
    write_wavs,
)
from vqvae_tf.media.sound_figures import SoundFigures

_AT_ONCE = 16  # samples that are decoded together
PIECE_SECONDS = 10  # what is measured or encoded at once: memory grows with it


class AudioMedium(medium.Medium):
    """Sounds, of models whose batches have the key `audio`."""

    condition = "speaker"

    def open_source(self, uri: str) -> data.SoundSource:
        """`data.open_sounds`."""
        return data.open_sounds(uri)

    def fitted(self, config: models.AudioConfig, source: data.SoundSource) -> models.AudioConfig:
        """The configuration of a model of these sounds: with their speakers.

        Raises:
            UserError: if it names other speakers.
        """
        if config.speakers and config.speakers != source.class_names:
            owner = "model of codes_from" if config.frozen_codes else "configuration"
            way_out = "" if config.frozen_codes else ", or leave speakers out of the configuration"
            raise UserError(
                f"{source.uri}: the speakers are {listed(source.class_names) or 'not known'}, "
                f"those of the {owner} {listed(config.speakers)}; give sounds of these speakers, "
                f"in this order{way_out}"
            )
        return dataclasses.replace(config, speakers=source.class_names)

    def batches(
        self, source: data.SoundSource, config: models.AudioConfig, start_step: int = 0
    ) -> tf.data.Dataset:
        """Training batches, as in `data.sound_batches`."""
        settings = config.training
        return data.sound_batches(
            source,
            config.sample_rate,
            config.window,
            settings.batch_size,
            settings.seed,
            start_step,
            config.data,
        )

    def measure(
        self,
        model: models.AudioVQVAE,
        source: data.SoundSource,
        prior_bits: medium.Bits | None = None,
        search: medium.Encode | None = None,
    ) -> dict[str, Any]:
        """What a model is worth over all sounds of a source, pooled.

        Each sample is given those before it, and the speaker, if the model has one by that name.
        Long sounds are measured in pieces of ten seconds, each as a sound of its own.

        Args:
            model: the autoencoder.
            source: the sounds.
            prior_bits: gives the bits `[batch]` of codes `[batch, frames]` and their conditions.
            search: None; sounds have none.

        Returns:
            `sounds`, `seconds`, `latent_bits_per_second`, `perplexity`, `usage`, `codes_in_use`; of
            models that count bits, `reconstruction_bits_per_sample` and `bits_per_sample` (with
            those of the codes); with a prior `prior_bits_per_code` and `prior_bits_per_second`; and
            those of `SoundFigures`. A known failure that they show is one line in the log.
        """
        rate = model.config.sample_rate
        _name_unknown(source.uri, source.class_names, model.config.speakers)
        bits_of, encode = _compiled(model)
        sums: dict[str, list[float]] = {}
        counts = [np.zeros(size, np.int64) for size in model.code_sizes]
        names = set()
        further = SoundFigures(model)
        for sound in _pieces(source, model, "evaluating"):
            names.add(sound["name"])
            audio = sound["audio"][None]
            speaker = _speaker_of(sound, source, model)
            codes = encode(audio, speaker)
            row = {"samples": audio.size, "codes": codes.numpy().size}
            row["latent"] = codes.shape[1] * model.bits_per_place
            if bits_of is not None:
                row["reconstruction"] = float(bits_of(audio, speaker, codes))
            if prior_bits is not None:
                who = {} if sound["speaker"] is None else {"speaker": np.array([sound["speaker"]])}
                row["prior"] = float(prior_bits(codes.numpy(), who)[0])
            for name, value in row.items():
                sums.setdefault(name, []).append(value)
            evaluation.count_slots(counts, codes.numpy())
            further.add(
                sound["name"],
                audio,
                codes.numpy(),
                voice=sound["speaker"],
                speaker=speaker,
                bits=None if bits_of is None else functools.partial(bits_of, audio, speaker),
            )
        total = {name: math.fsum(values) for name, values in sums.items()}
        seconds = total["samples"] / rate
        figures = {
            "data": source.uri,
            "skipped_sounds": source.skipped,
            "sounds": len(names),
            "seconds": seconds,
            "latent_bits_per_second": total["latent"] / seconds,
            **evaluation.code_statistics(counts),
        }
        if bits_of is not None:
            reconstruction = total["reconstruction"] / total["samples"]
            figures["reconstruction_bits_per_sample"] = reconstruction
            figures["bits_per_sample"] = reconstruction + total["latent"] / total["samples"]
        if prior_bits is not None:
            figures["prior_bits_per_code"] = total["prior"] / total["codes"]
            figures["prior_bits_per_second"] = total["prior"] / seconds
        figures |= further.figures()
        told_speaker = bool(model.config.speakers)
        for line in known_failures.warnings(figures, model.code_sizes, told_speaker):
            logging.warning("%s: %s", source.uri, line)
        return figures

    def reconstruct(
        self,
        model: models.AudioVQVAE,
        source: data.SoundSource,
        output: str,
        count: int | None = None,
        search: medium.Encode | None = None,
    ) -> int:
        """Writes `NAME.original.wav`, `NAME.wav` decoded from its codes, and these.

        Long sounds are encoded, decoded and written in pieces, as by `convert`.
        """
        rate = model.config.sample_rate
        _name_unknown(source.uri, source.class_names, model.config.speakers)
        _, encode = _compiled(model)
        total = len(source) if count is None else min(count, len(source))
        names: set[str] = set()
        sounds = itertools.islice(source.sounds(rate), total)
        written = 0
        for sound in tqdm.tqdm(sounds, total=total, unit="sound", disable=None):
            audio, speaker = sound["audio"], _speaker_of(sound, source, model)
            path = os.path.join(output, new_name(sound["name"], names, ("", ".original")))
            write_wav_pieces(path + ".original.wav", _cut(audio, model), len(audio), rate)
            codes: list[np.ndarray] = []
            decoded = _decoded_pieces(model, encode, sound, speaker, speaker, codes)
            write_wav_pieces(path + ".wav", decoded, len(audio), rate)
            write_codes(path + ".npz", np.concatenate(codes))
            written += 1
        return written

    def coded_sounds(
        self, model: models.AudioVQVAE, source: data.SoundSource, told_speaker: bool = True
    ) -> Iterator[tuple[data.Sound, np.ndarray]]:
        """All sounds of a source with their codes; long ones are encoded in pieces.

        Args:
            model: the trained model.
            source: the sounds.
            told_speaker: whether an encoder that normalises frames by speaker is told who speaks.

        Yields:
            Whole sounds, and codes int32 `[frames]`, or `[frames, slots]` where there are several
            per frame.
        """
        _, encode = _compiled(model)
        for sound in _shown(source, model, "encoding"):
            speaker = _speaker_of(sound, source, model) if told_speaker else None
            pieces = _cut(sound["audio"], model)
            codes = [encode(piece[None], speaker)[0].numpy() for piece in pieces]
            yield sound, np.concatenate(codes)

    def check_speaker(self, model: models.AudioVQVAE, speaker: str) -> None:
        """Refuses a target speaker whom the model does not know.

        Raises:
            UserError: with the names of those whom it knows.
        """
        known = model.config.speakers
        if not known:
            raise UserError("the model has no speakers; train one on data with speakers")
        if speaker not in known:
            given = disk.printable(str(speaker))
            raise UserError(f'unknown speaker "{given}"; {nearest(given, known)}')

    def convert(
        self,
        model: models.AudioVQVAE,
        source: data.SoundSource,
        output: str,
        speaker: str,
        count: int | None = None,
    ) -> int:
        """Writes `NAME.wav`: sounds decoded from their codes in the voice of `speaker`.

        Long sounds are converted and written in pieces of ten seconds, each as a sound of its own;
        only the samples of the sound that is read are held as a whole.

        Args:
            model: the trained model.
            source: the sounds, of any speakers.
            output: the folder.
            speaker: one of the model's.
            count: how many at most; None for all.

        Returns:
            How many were written.
        """
        self.check_speaker(model, speaker)
        rate = model.config.sample_rate
        _, encode = _compiled(model)
        total = len(source) if count is None else min(count, len(source))
        names: set[str] = set()
        sounds = itertools.islice(source.sounds(rate), total)
        written = 0
        for sound in tqdm.tqdm(sounds, total=total, unit="sound", disable=None):
            who = _speaker_of(sound, source, model)
            decoded = _decoded_pieces(model, encode, sound, who, speaker, [])
            path = os.path.join(output, new_name(sound["name"], names))
            write_wav_pieces(path + ".wav", decoded, len(sound["audio"]), rate)
            written += 1
        return written

    def code_maps(
        self,
        model: models.AudioVQVAE,
        source: data.SoundSource,
        variation: bool | None = None,
        seed: int = 0,
    ) -> Iterator[dict[str, Any]]:
        """Codes of all sounds, each as one sequence, or as several where it is long.

        With `variation` each sound is encoded from two offsets of half a code: so a prior sees the
        same material under other codes.

        Args:
            model: the trained model.
            source: the sounds.
            variation: whether to; without it each sound is encoded once, as it is.
            seed: not used; sounds are varied without draws.

        Yields:
            Mappings with `name`, `codes` (int32 `[frames]`), `rank` (1) and `speaker` (or
            None).
        """
        _, encode = _compiled(model)
        half = model.config.stride // 2
        for sound in _pieces(source, model, "encoding"):
            starts = [0] if not variation or len(sound["audio"]) <= half else [0, half]
            speaker = _speaker_of(sound, source, model)
            for start in starts:
                (codes,) = encode(sound["audio"][None, start:], speaker).numpy()
                item = {"name": sound["name"], "codes": codes, "rank": 1}
                yield item | {"speaker": sound["speaker"]}

    def write_samples(
        self,
        model: models.AudioVQVAE,
        codes: np.ndarray,
        output: str,
        conditions: Mapping[str, str],
    ) -> list[str]:
        """Writes the sounds of `codes` as `sample_000.wav`, ..., in that voice; their paths.

        Each sample is drawn and written in blocks.
        """
        rate, stride = model.config.sample_rate, model.config.stride
        written = [os.path.join(output, f"sample_{number:03}.wav") for number in range(len(codes))]
        speaker = conditions.get("speaker")
        speaker = speaker if speaker in model.config.speakers else None
        samples = codes.shape[1] * stride
        with tqdm.tqdm(
            desc="decoding", total=codes.shape[1] * len(codes), unit="code", disable=None
        ) as bar:
            for first in range(0, len(codes), _AT_ONCE):
                some = slice(first, first + _AT_ONCE)

                def blocks(some=some, first=first):
                    for block in model.stream(codes[some], speaker, first_sample=first):
                        yield block.numpy()
                        bar.update(block.shape[0] * block.shape[1] // stride)

                write_wavs(written[some], blocks(), samples, rate)
        return written

    def examples(self, model, size=None):
        """Sounds of noise, of lengths that the strides do and don't divide."""
        draws, stride = np.random.default_rng(0), model.config.stride
        sizes = [(4 * stride,), (3 * stride + 1,), (1,)] if size is None else [size, size]
        return [draws.uniform(-0.5, 0.5, each).astype(np.float32) for each in sizes]


def _compiled(model):
    """`(bits_of, encode)` of sounds of any length and their speaker, a number or None.

    `bits_of(audio, speaker, codes)` are those of the reconstruction; None of a model that counts
    none.
    """
    audio = tf.TensorSpec([None, None], tf.float32)
    number = tf.TensorSpec([1], tf.int32)

    @tf.function(input_signature=[audio, number, model.codes_spec], autograph=False)
    def bits_of(audio, speaker, codes):
        batch = {"audio": audio} | ({"speaker": speaker} if model.conditions else {})
        return model.bits(batch, codes)["reconstruction"][0]

    @tf.function(input_signature=[audio, number], autograph=False)
    def encode(audio, speaker):
        return model.encode(audio, **model.of_encoder({"speaker": speaker}))

    def numbered(speaker):
        return np.array([-1 if speaker is None else speaker], np.int32)

    def bits_given(audio, speaker, codes):
        return float(bits_of(audio, numbered(speaker), codes))

    return (
        bits_given if model.counts_bits else None,
        lambda audio, speaker: encode(audio, numbered(speaker)),
    )


@functools.cache  # a training run evaluates the same sounds many times
def _name_unknown(uri: str, given: tuple[str, ...], known: tuple[str, ...]) -> None:
    """Says in one line of the log which speakers of a source a model does not know."""
    own = set(known)
    unknown = [name for name in given if name not in own]
    if known and not given:
        logging.warning("%s: has no speakers; the model is told none", uri)
    elif known and unknown:
        logging.warning(
            "%s: the model does not know %d of its %d speakers and is not told who speaks: %s; it "
            "knows %s",
            uri,
            len(unknown),
            len(given),
            listed(unknown),
            listed(known),
        )


def _speaker_of(sound, source, model):
    """The number of the sound's speaker, or None if the model has no speaker by that name."""
    number, known = sound["speaker"], model.config.speakers
    if number is None or source.class_names[number] not in known:
        return None
    return known.index(source.class_names[number])


def _pieces(source, model, words):
    """All sounds, with a progress bar; long ones are cut at borders of codes."""
    for sound in _shown(source, model, words):
        for piece in _cut(sound["audio"], model):
            yield sound | {"audio": piece}


def _shown(source, model, words):
    """All sounds, with a progress bar."""
    sounds = source.sounds(model.config.sample_rate)
    return tqdm.tqdm(sounds, words, total=len(source), unit="sound", disable=None, leave=False)


def _decoded_pieces(model, encode, sound, who, speaker, codes):
    """What `who` said, in the voice of `speaker`, piece by piece; appends the codes to `codes`."""
    pieces = _cut(sound["audio"], model)
    if len(pieces) > 1:
        pieces = tqdm.tqdm(pieces, sound["name"], unit="piece", disable=None, leave=False)
    for piece in pieces:
        coded = encode(piece[None], who)
        codes.append(coded[0].numpy())
        yield model.decode(coded, speaker)[0, : len(piece)].numpy()


def _cut(audio, model):
    """Pieces of a sound: ten seconds, rounded up to whole codes."""
    stride = model.config.stride
    size = math.ceil(PIECE_SECONDS * model.config.sample_rate / stride) * stride
    return [audio[start : start + size] for start in range(0, len(audio), size)]
