"""Codebooks trained on a fixed distribution: revival against none, loaded, in larger batches."""

import functools

import numpy as np
import tensorflow as tf

from vqvae_tf import data, layers

TRAINING, TEST = 2**19, 2**14  # vectors
# Number of codes -> vectors per code and step -> steps. Running counts remember 500 steps if there
# are few vectors, and 20 if there are many. Twice the steps lower every error by 1 to 3 %.
STEPS = {
    512: {1 / 16: 1600, 1 / 4: 800, 1: 400, 4: 200, 16: 80},
    8192: {1 / 16: 1600, 1 / 4: 800, 1: 400, 4: 100, 16: 40},
}
RULES = {"defaults": {}}
NO_REVIVAL = "no revival"


def patches(count: int, seed: int) -> np.ndarray:
    """4x4 patches of the embedded photographs, equally many of each, `[count, 48]` in [-0.5, 0.5].

    This is what an encoder with stride 4 has to represent. The distribution is heavy-tailed: most
    patches are smooth, few have edges. Dithering below the 8 bits makes all patches different.
    """
    generator = np.random.default_rng(seed)
    images = [picture["image"] for picture in data.open_source("embedded:photos").pictures()]
    owner = generator.integers(len(images), size=count)
    found = np.empty((count, 4, 4, 3), "float32")
    for number, image in enumerate(images):
        (mine,) = np.nonzero(owner == number)
        top = generator.integers(image.shape[0] - 3, size=len(mine))
        left = generator.integers(image.shape[1] - 3, size=len(mine))
        windows = np.lib.stride_tricks.sliding_window_view(image, (4, 4), axis=(0, 1))
        found[mine] = windows[top, left].transpose(0, 2, 3, 1)
    found += generator.uniform(-0.5, 0.5, found.shape)
    return (found / 255.0 - 0.5).astype("float32").reshape(count, 48)


def mixture(count: int, seed: int) -> np.ndarray:
    """4,096 round clusters in 16 dimensions; the share of the n-th falls as 1/n (Zipf)."""
    centres = np.random.default_rng(12345).normal(size=(4096, 16))
    share = 1.0 / np.arange(1, 4097)
    generator = np.random.default_rng(seed)
    owner = generator.choice(4096, size=count, p=share / share.sum())
    return (centres[owner] + 0.3 * generator.normal(size=(count, 16))).astype("float32")


DISTRIBUTIONS = {"patches": patches, "mixture": mixture}


class Vectors:
    """Training and test vectors of one distribution."""

    def __init__(self, name: str):
        make = DISTRIBUTIONS[name]
        self.training, self.test = make(TRAINING, seed=1), make(TEST, seed=2)

    def batches(self, size: int, seed: int):
        """Yields batches of random training vectors without end."""
        generator = np.random.default_rng(seed)
        while True:
            yield self.training[generator.integers(len(self.training), size=size)]


class Watched:
    """A quantizer in training, and which of its codes each step revived."""

    def __init__(self, layer, dim: int):
        self.layer = layer
        if not layer.built:
            layer.build((None, dim))
        self._step = tf.function(lambda batch: layer.quantize(batch, training=True).losses)

    def step(self, batch: np.ndarray) -> np.ndarray:
        """Makes a training step; returns `[num_embeddings]`, whether it revived each code."""
        before = self.layer.codebook.numpy()
        self._step(tf.constant(batch))
        after = self.layer.codebook.numpy()
        # A revived code equals a vector of the batch exactly; a mean of several vectors does not.
        same = np.isin(after[:, 0], batch[:, 0]) & np.isin(after[:, 1], batch[:, 1])
        return same & (after != before).any(1)

    def measure(self, test: np.ndarray) -> dict:
        """Measures the error and the use of the codes on test vectors."""
        codes = np.concatenate([self.layer.encode(part).numpy() for part in np.split(test, 8)])
        error = np.square(test - self.layer.codebook.numpy()[codes]).sum(1).mean()
        count = np.bincount(codes, minlength=self.layer.num_embeddings)
        share = count[count > 0] / len(codes)
        return {
            "error": float(error),
            "in_use": int((count > 0).sum()),
            "perplexity": float(np.exp(-(share * np.log(share)).sum())),
        }


def revival(distribution: str, size: int, per_code: float, rule: str, seed: int = 0) -> dict:
    """Trains a codebook of `size` codes on `per_code` vectors per code and step.

    Without revival it starts from random training vectors, each with the weight of a single hit, so
    that the first vectors move it at once.
    """
    vectors = _vectors(distribution)
    if rule == NO_REVIVAL:
        layer = layers.VectorQuantizerEMA(size, revival_threshold=0)
        start = np.random.default_rng(seed + 77).permutation(TRAINING)[:size]
        layer.load_codebook(vectors.training[start])
        layer.counts.assign(layer.counts / 80)
        layer.sums.assign(layer.sums / 80)
    else:
        layer = layers.VectorQuantizerEMA(size, seed=seed, **RULES[rule])
    watched = Watched(layer, vectors.test.shape[1])
    steps = STEPS[size][per_code]
    batches = vectors.batches(round(size * per_code), seed)
    revived = [watched.step(next(batches)).sum() for _ in range(steps)]
    late = float(np.mean(revived[steps // 2 :]))
    return {**watched.measure(vectors.test), "steps": steps, "revived_a_step": late}


def overwritten(distribution: str, per_code: float, rule: str, seed: int = 0) -> dict:
    """How many codes of a good codebook are revived after it is loaded, and after batches grow.

    The codebook of 512 codes comes from k-means. It is loaded and trained for `STEPS` steps, then
    on as many vectors in batches eight times as large. At the first revival of each code, its
    place before is compared with its place after (see `worth`).
    """
    vectors = _vectors(distribution)
    fixed = vectors.training[: 2**15]
    good = layers.VectorQuantizerEMA(512, seed=seed)
    good.initialize(vectors.training[: 2**16])
    layer = layers.VectorQuantizerEMA(512, seed=seed, **RULES[rule])
    layer.load_codebook(good.codebook)
    watched = Watched(layer, vectors.test.shape[1])
    figures = {"loaded_error": watched.measure(vectors.test)["error"]}
    steps = STEPS[512][per_code]
    use = good.counts.numpy()  # in multiples of the mean
    for name, growth in (("loaded", 1), ("grown", 8)):
        batches = vectors.batches(round(512 * per_code) * growth, seed + growth)
        ever, worths = np.zeros(512, bool), []
        for _ in range(max(steps // growth, 40)):
            before = layer.codebook.numpy()
            first = watched.step(next(batches)) & ~ever
            if first.any():
                after = layer.codebook.numpy()
                for code in first.nonzero()[0]:
                    worths.append(worth((before[code], after[code]), after, code, fixed))
            ever |= first
        figures[name] = int(ever.sum())
        figures[f"{name}_most_used"] = float(use[ever].max(initial=0.0))
        figures[f"{name}_worth_more_before"] = sum(was > new for was, new in worths)
        figures[f"{name}_worth_before"] = sum(was for was, _ in worths)
        figures[f"{name}_worth_after"] = sum(new for _, new in worths)
        figures[f"{name}_error_after"] = watched.measure(vectors.test)["error"]
    return figures


def worth(places, codebook: np.ndarray, code: int, fixed: np.ndarray) -> list[float]:
    """By which share the error of all fixed vectors falls when `code` is put on each of `places`.

    The error before is that of the other codes alone. Each place is first moved to the mean of its
    vectors, three times, as training would do.
    """
    scores = np.square(codebook).sum(1) - 2 * fixed @ codebook.T
    scores[:, code] = np.inf
    rest = scores.min(1) + np.square(fixed).sum(1)
    falls = []
    for place in places:
        for _ in range(3):
            mine = np.square(fixed - place).sum(1) < rest
            if mine.any():
                place = fixed[mine].mean(0)
        fall = np.maximum(rest - np.square(fixed - place).sum(1), 0)
        falls.append(float(fall.sum() / rest.sum()))
    return falls


_vectors = functools.cache(Vectors)
