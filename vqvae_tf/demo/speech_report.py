"""The report of the speech demo; every statement in it is computed from the given facts."""

import math

import numpy as np

from vqvae_tf.demo import diagram, run_page, speech_phones
from vqvae_tf.demo.speech_facts import Sentence, SpeechFacts
from vqvae_tf.media import evaluation
from vqvae_tf.models.spectrograms import spectrograms
from vqvae_tf.reporting import charts, formatting, page, pictures

_BITS = 16  # of a sample as it is stored
_EQUAL = 0.1  # dB: two distances that differ by less count as equal
_STRIP = 12  # height of the strip of codes under a spectrogram, in pixels
_FRAME = 0.01  # seconds per column of a spectrogram
_SCALE = 2
_READING = (
    (
        "Neural Discrete Representation Learning (van den Oord, Vinyals, Kavukcuoglu, 2017): "
        "the VQ-VAE, with speech in section 4.3",
        "https://arxiv.org/abs/1711.00937",
    ),
    (
        "WaveNet: A Generative Model for Raw Audio (van den Oord and others, 2016): the prior",
        "https://arxiv.org/abs/1609.03499",
    ),
)
_DIAGRAM = diagram.Words(
    "sound",
    "codes",
    "from codes",
    "moment",
    (
        "A second network, the prior, learns which codes follow",
        "which and draws new ones, for the decoder to speak.",
    ),
)
_SYNTHESISERS = {
    "espeak": "espeak-ng: sounds computed by rules, no recordings",
    "flite": "flite: built from recordings of a person",
}


def speech_report(facts: SpeechFacts) -> page.Page:
    """Composes the demo's page, which `page.write` writes to a file.

    Args:
        facts: the data and the results of the demo.

    Returns:
        The page.

    Raises:
        UserError: if matplotlib is not installed.
    """
    return page.Page(
        title="A VQ-VAE on speech",
        lead=(
            f"Networks were trained on {facts.training_seconds / 60:.0f} minutes of synthetic "
            f"speech in {len(facts.voices)} voices, on {facts.run.machine}. They turn speech into "
            f"{facts.codes_per_second:g} whole numbers a second and back, in the same voice or in "
            "another. On this page you can hear it, and see what the numbers have to do with the "
            "sounds of English, of which the networks were told nothing."
        ),
        key_figures=_key_figures(facts),
        sections=[
            _explanation(facts),
            _sentences(facts),
            speech_phones.section(facts),
            _cost(facts),
            _made_up(facts),
            run_page.trainings(
                facts.stages,
                facts.code_counts,
                "sentences",
                "some speech sounds, and silence, are common",
                facts.run,
            ),
            _weaknesses(facts),
            _voices(facts),
            run_page.next_steps(facts.run, _READING),
        ],
        footer=run_page.footer(facts.run, "sounds and pictures"),
    )


def _key_figures(facts: SpeechFacts) -> list[tuple[str, str]]:
    held_out, size = facts.phones["held_out"], len(facts.codebook)
    best = speech_phones.best_k_means(held_out)
    used = evaluation.code_statistics([facts.code_counts])["codes_in_use"]
    return [
        (
            f"{_bits_per_second(facts):.0f} bits/s",
            f"in the codes, {formatting.count(_BITS * facts.sample_rate)} in the recording",
        ),
        (
            speech_phones.percent(held_out["codes"]["accuracy"]),
            "of the codes tell which speech sound is heard "
            f"(simple clusters: {speech_phones.percent(held_out[best]['accuracy'])})",
        ),
        (
            f"{facts.prior_bits_per_code:.1f} bits",
            f"per code with the prior, instead of {math.log2(size):.3g} (held-out sentences)",
        ),
        (f"{used} of {size}", "codes are in use"),
        run_page.time_taken(facts.run),
    ]


def _bits_per_second(facts: SpeechFacts) -> float:
    return facts.codes_per_second * math.log2(len(facts.codebook))


def _explanation(facts: SpeechFacts) -> page.Section:
    size, dimension = facts.codebook.shape
    first = facts.sentences[0]
    moment = 1000 / facts.codes_per_second
    count = min(len(first.codes), round(facts.codes_per_second))
    samples = round(count / facts.codes_per_second * facts.sample_rate)
    side = math.ceil(math.sqrt(count))
    square = np.resize(first.codes[:count], side * side).reshape(side, side)
    return page.Section(
        "What am I looking at?",
        [
            "A VQ-VAE is a network that encodes data as whole numbers. Its first half, the "
            f"encoder, maps every {moment:.0f} thousandths of a second of sound to {dimension} "
            f"numbers. These are replaced by the nearest entry of a learned list of {size}, the "
            "codebook, and only the index of this entry is kept: the code. The second half, the "
            "decoder, computes sound from the codes only. The decoder is told who is to speak. So "
            "the codes need not hold the voice, and can be spoken by another one.",
            "A second network, the prior, is trained afterwards, on the codes of whole sentences. "
            "It learns which codes follow which. It can therefore store them in fewer bits, and "
            "draw new ones.",
            page.Drawing(
                diagram.overview(
                    _spectrogram(first.original[:samples], facts),
                    pictures.code_map(square, facts.codebook),
                    _spectrogram(first.reconstruction[:samples], facts),
                    size,
                    _DIAGRAM,
                ),
                alt=(
                    "Diagram: a sound goes through the encoder; each moment gets the number of "
                    "the nearest codebook vector; the decoder turns the codes into sound. The "
                    "prior draws new codes."
                ),
                caption=(
                    f"The first {count / facts.codes_per_second:.1f} s of a sentence, its {count} "
                    "codes as colours, row by row, and the decoded sound. The codes begin "
                    f"{', '.join(str(code) for code in first.codes[:5])}."
                ),
                wide=True,
            ),
            page.Note(
                "The pictures of sound are spectrograms: time runs from left to right, low "
                "frequencies are at the bottom, and the lighter a point, the louder the sound. "
                "Vowels are stacks of bands, an “s” is a cloud at the top. The coloured strip "
                "under a spectrogram shows the codes, one colour for each; codes with similar "
                "vectors have similar colours."
            ),
        ],
    )


def _spectrogram(audio: np.ndarray, facts: SpeechFacts) -> np.ndarray:
    """A picture of a sound, uint8 `[80, frames, 1]`."""
    return np.asarray(spectrograms(audio[None].astype(np.float32), facts.sample_rate))[0]


def _sound(
    audio: np.ndarray, facts: SpeechFacts, alt: str, caption: str, codes: np.ndarray | None = None
) -> page.Sound:
    """A sound with its spectrogram, and the codes under it where it was made from some."""
    image = pictures.to_rgb(_spectrogram(audio, facts))
    if codes is not None:
        width = round(1 / (_FRAME * facts.codes_per_second))
        strip = pictures.code_map(codes[None], facts.codebook)
        strip = strip.repeat(_STRIP, axis=0).repeat(width, axis=1)[:, : image.shape[1]]
        image = np.concatenate([image[:, : strip.shape[1]], strip])
    return page.Sound(audio, facts.sample_rate, page.Picture(image, alt, caption, scale=_SCALE))


def _sentences(facts: SpeechFacts) -> page.Section:
    by_griffin_lim, by_network = facts.griffin_lim_distance, facts.network_distance
    if abs(by_griffin_lim - by_network) < _EQUAL:
        outcome = "equally near"
    else:
        outcome = "nearer" if by_network < by_griffin_lim else "farther away"
    return page.Section(
        "Sentences it has never heard",
        [
            "Nobody said these sentences in training. The same codes were decoded twice: in the "
            "voice they come from, and in another one. The last player is what the other voice "
            "itself makes of the sentence, which the networks never heard: the nearer the third "
            "comes to the fourth, the better.",
            *(_sentence(sentence, facts) for sentence in facts.sentences),
            "Two decoders can speak these codes. The one that was trained together with them gives "
            "descriptions of the spectrum, from which the Griffin-Lim algorithm makes sound: "
            f"{by_griffin_lim:.1f} dB from the originals, in the mean over frequency bands as "
            "the ear has them. The other, trained afterwards, gives the waveform itself and is the "
            f"one you hear: {by_network:.1f} dB, {outcome}.",
        ],
    )


def _sentence(sentence: Sentence, facts: SpeechFacts) -> page.Gallery:
    voice, other, codes = sentence.voice, sentence.other_voice, sentence.codes
    said = f"“{sentence.text}”"
    return page.Gallery(
        [
            _sound(sentence.original, facts, f"Original: {said}, {voice}", f"original, {voice}"),
            _sound(
                sentence.reconstruction,
                facts,
                f"Decoded from codes: {said}, {voice}",
                f"from {len(codes)} codes, {voice}",
                codes,
            ),
            _sound(
                sentence.converted,
                facts,
                f"The same codes in another voice: {said}, {other}",
                f"the same codes, {other}",
                codes,
            ),
            _sound(
                sentence.other_original,
                facts,
                f"The other voice's own reading: {said}, {other}",
                f"{other} itself",
            ),
        ],
        caption=said,
        cell=280,
    )


def _cost(facts: SpeechFacts) -> page.Section:
    bits, raw = math.log2(len(facts.codebook)), _BITS * facts.sample_rate
    rate = _bits_per_second(facts)
    with_prior = facts.prior_bits_per_code * facts.codes_per_second
    bars = {
        "all codes equally likely": rate,
        "with the prior": with_prior,
    }
    return page.Section(
        "What it costs: bits per second",
        [
            f"A second of these sounds has {formatting.count(facts.sample_rate)} samples of "
            f"{_BITS} bits: {formatting.count(raw)} bits. It becomes {facts.codes_per_second:g} "
            f"codes; one of {len(facts.codebook)} takes {bits:.3g} bits: {rate:.0f} bits a second, "
            f"{formatting.count(round(raw / rate))} times fewer. With the prior a code takes "
            f"{facts.prior_bits_per_code:.2f} bits on average, on sentences that it was not "
            f"trained on: {with_prior:.0f} bits a second.",
            page.Drawing(
                charts.bars(bars, x_label="bits per second (fewer is better)", digits=0),
                alt="Bars of bits per second. "
                + "; ".join(f"{name}: {value:.0f}" for name, value in bars.items()),
                caption="Bits per second of the codes: if all codes were equally likely, and with "
                "the prior, which uses the codes before.",
            ),
            page.Note(
                "How bits are counted: with the prior, those of an ideal arithmetic coder; none "
                "was run. The networks' weights are not counted, and neither is the name of the "
                "voice. Much of what is saved is not stored at all: the melody of the original is "
                "lost, as you can hear."
            ),
        ],
    )


def _made_up(facts: SpeechFacts) -> page.Section:
    seconds = len(facts.samples[0].audio) / facts.sample_rate
    first = facts.samples[0].voice
    return page.Section(
        "Speech it made up",
        [
            "Nobody said this. The prior drew codes one by one, each at random with probabilities "
            "that depend on the codes before it and on the voice; then the decoder spoke them. It "
            f"learned from pieces of {seconds:.1f} s which sounds follow which, but no words: "
            "expect babble with the rhythm of English.",
            page.Gallery(
                [
                    _sound(
                        sample.audio,
                        facts,
                        f"Made-up speech, {sample.voice}",
                        sample.voice,
                        sample.codes,
                    )
                    for sample in facts.samples
                ],
                cell=280,
            ),
            _sound(
                facts.independent,
                facts,
                f"Codes drawn independently, {first}",
                f"For comparison, {first}: codes drawn without the prior, by their frequencies "
                "only. The difference to the samples is due to the prior.",
            ),
        ],
    )


def _weaknesses(facts: SpeechFacts) -> page.Section:
    held_out = facts.phones["held_out"]
    items = [
        "The speech is synthetic. Each voice says a sound in much the same way every time, without "
        "noise or hesitation. Expect lower figures on recordings of people.",
        "The sentences come from a small grammar. Those of the test are new, their words are not.",
        "The encoder does not get the waveform but cepstra: 20 numbers for every hundredth of a "
        "second that describe the spectrum without the pitch, from which each voice's mean and "
        "spread were removed. That makes it easy to ignore the voice. Melody and loudness "
        "are lost with it: the decoder makes up an average one.",
        "Decoded speech sounds rough: the decoder was trained for "
        f"{formatting.duration(facts.stages[1].seconds)}. Listen for words, not for beauty.",
        f"From {speech_phones.percent(1 - held_out['codes']['accuracy'])} of the codes one would "
        "guess a wrong speech sound. Some of what is said is lost.",
        *speech_phones.warnings(held_out),
        f"The prior was trained for {formatting.count(facts.stages[2].steps)} steps: it knows no "
        "words and no grammar.",
        run_page.one_run(facts.stages),
    ]
    return page.Section("What to be wary of", [page.Bullets(items)])


def _voices(facts: SpeechFacts) -> page.Section:
    engines = [voice.partition("_")[0] for voice in facts.voices]
    missing = (
        []
        if "flite" in engines
        else [
            "The program flite is not installed here: with it, "
            "four of the voices would be built from recordings of people."
        ]
    )
    return page.Section(
        "Whose voices these are",
        [
            "All of the speech was synthesised on this machine when the demo began; nothing was "
            "downloaded and nobody was recorded for it.",
            *missing,
            page.Table(
                ("voice", "made by"),
                [
                    (voice, _SYNTHESISERS[engine])
                    for voice, engine in zip(facts.voices, engines, strict=True)
                ],
                caption="All sounds on this page are these voices, or were decoded in one of them",
                prose=True,
            ),
        ],
    )
