"""The same inputs and codebooks through dm-sonnet and vector-quantize-pytorch.

They compute in float32 too, and sum in another order: a tolerance of 1e-5 is some ten such sums.
"""

import math

import numpy as np
import pytest
import tensorflow as tf
from keras.ops import convert_to_numpy as array

from vqvae_tf import layers

ROWS, DIM, CODES = 200, 6, 16
STEPS, DECAY = 10, 0.9
CLOSE = {"rtol": 1e-5, "atol": 1e-6}


@pytest.fixture(scope="session")
def sonnet():
    return pytest.importorskip("sonnet", reason="to compare with: pip install dm-sonnet").nets


@pytest.fixture(scope="session")
def torch():
    found = pytest.importorskip("torch", reason="to compare with: make test-peers")
    found.set_num_threads(1)
    return found


@pytest.fixture(scope="session")
def package(torch):
    return pytest.importorskip("vector_quantize_pytorch", reason="to compare with: make test-peers")


# eps: the share of a count that its smoothing spreads over all codes; ours has none.
PLAIN = {"rotation_trick": False, "eps": 0.0, "decay": DECAY}


@pytest.fixture(scope="session")
def make_torch(torch, package):
    """Makes a `VectorQuantize` with a given codebook, without what the two do not share."""

    def make(codebook, **options):
        layer = package.VectorQuantize(DIM, CODES, **{**PLAIN, **options})
        set_codes(torch, layer, codebook)
        return layer.train()

    return make


def set_codes(torch, layer, codebook):
    """e = m = `codebook`; N is 1 already."""
    for tensor in (layer._codebook.embed, layer._codebook.embed_avg):
        tensor.data.copy_(torch.tensor(codebook)[None])


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def ours(kind, codebook, **options):
    layer = kind(CODES, revival_threshold=0, **options)
    layer.load_codebook(codebook)
    return layer


def gradients(layer, x, upstream=None):
    """Gradients to input and codebook: of the losses, or of what the output is multiplied by."""
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        output = layer.quantize(x, training=True)
        losses = tf.add_n(list(output.losses.values()))
        target = losses if upstream is None else tf.reduce_sum(upstream * output.vectors)
    return [array(each) for each in tape.gradient(target, [x, layer.codebook.value])]


class TestSonnet:
    def test_codebook_trained_by_its_loss(self, sonnet):
        x, codebook = normal(ROWS, DIM), normal(CODES, DIM, seed=1)
        layer = ours(layers.VectorQuantizer, codebook, commitment_cost=0.3)
        peer = sonnet.VectorQuantizer(DIM, CODES, commitment_cost=0.3)
        peer.embeddings.assign(codebook.T)
        inputs = tf.constant(x)
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            theirs = peer(inputs, is_training=True)
        expected = tape.gradient(theirs["loss"], [inputs, peer.embeddings])
        mine = layer.quantize(x)
        np.testing.assert_array_equal(mine.codes, theirs["encoding_indices"])
        np.testing.assert_allclose(sum(mine.losses.values()), theirs["loss"], **CLOSE)
        to_input, to_codebook = gradients(layer, x)
        np.testing.assert_allclose(to_input, expected[0], **CLOSE)
        np.testing.assert_allclose(to_codebook, tf.transpose(expected[1]), **CLOSE)

    def test_moving_averages(self, sonnet):
        codebook = normal(CODES, DIM, seed=1)
        layer = ours(layers.VectorQuantizerEMA, codebook, decay=DECAY)
        # Sonnet's averages start at nothing and are divided by 1 - decay^step, which m / N undoes.
        layer.counts.assign(tf.zeros_like(layer.counts))
        layer.sums.assign(tf.zeros_like(layer.sums))
        peer = sonnet.VectorQuantizerEMA(DIM, CODES, 0.25, DECAY, epsilon=0.0)
        peer.embeddings.assign(codebook.T)
        for step in range(1, STEPS + 1):
            x = normal(40 * CODES, DIM, seed=step)  # every code is hit: Sonnet moves the others
            mine, theirs = layer.quantize(x, training=True), peer(tf.constant(x), True)
            np.testing.assert_array_equal(mine.codes, theirs["encoding_indices"])
            np.testing.assert_allclose(mine.losses["commitment"], theirs["loss"], **CLOSE)
            share = 1 - DECAY**step
            counts, sums = peer.ema_cluster_size.value, tf.transpose(peer.ema_dw.value)
            np.testing.assert_allclose(layer.counts, share * counts, **CLOSE)
            np.testing.assert_allclose(layer.sums, share * sums, rtol=1e-5, atol=1e-5)
            np.testing.assert_allclose(layer.codebook, tf.transpose(peer.embeddings), **CLOSE)


class TestVectorQuantizePytorch:
    def test_codebook_trained_by_its_loss(self, torch, make_torch):
        x, codebook = normal(ROWS, DIM), normal(CODES, DIM, seed=1)
        layer = ours(layers.VectorQuantizer, codebook, commitment_cost=1.0)
        peer = make_torch(codebook, learnable_codebook=True, ema_update=False)
        inputs = torch.tensor(x, requires_grad=True)
        _, codes, loss = peer(inputs)
        loss.backward()
        mine = layer.quantize(x)
        np.testing.assert_array_equal(mine.codes, codes)
        # Its one loss has a gradient to both sides.
        np.testing.assert_allclose(mine.losses["codebook"], loss.item(), **CLOSE)
        np.testing.assert_allclose(mine.losses["commitment"], loss.item(), **CLOSE)
        to_input, to_codebook = gradients(layer, x)
        np.testing.assert_allclose(to_input, inputs.grad, **CLOSE)
        np.testing.assert_allclose(to_codebook, peer._codebook.embed.grad[0], **CLOSE)

    @pytest.mark.parametrize("distance", ["euclidean", "cosine"])
    @pytest.mark.parametrize("masked", [False, True])
    def test_moving_averages(self, torch, make_torch, distance, masked):
        cosine = distance == "cosine"
        counts, codebook = 1 + normal(CODES, seed=2) ** 2, normal(CODES, DIM, seed=1)
        codebook = unit(codebook) if cosine else codebook
        sums = counts[:, None] * codebook
        layer = ours(layers.VectorQuantizerEMA, codebook, decay=DECAY, distance=distance)
        layer.counts.assign(counts)
        layer.sums.assign(sums)
        peer = make_torch(codebook, use_cosine_sim=cosine, commitment_weight=0.25)
        peer._codebook.cluster_size.copy_(torch.tensor(counts)[None])
        peer._codebook.embed_avg.copy_(torch.tensor(sums)[None])
        for step in range(STEPS):
            x = normal(2, ROWS // 2, DIM, seed=step)
            # With a mask it takes its loss against the vectors as they came, not of unit norm.
            x = unit(x) if cosine else x
            mask = np.random.default_rng(step).uniform(size=(2, ROWS // 2)) < 0.7
            mask = mask if masked else None
            mine = layer.quantize(x, training=True, mask=mask)
            theirs = peer(torch.tensor(x), mask=None if mask is None else torch.tensor(mask))
            vectors, codes, loss = (each.detach().numpy() for each in theirs)
            np.testing.assert_array_equal(mine.codes, np.maximum(codes, 0))  # it masks with -1
            np.testing.assert_allclose(mine.vectors, vectors, **CLOSE)
            np.testing.assert_allclose(mine.losses["commitment"], loss, **CLOSE)
        state = peer._codebook
        np.testing.assert_allclose(layer.counts, state.cluster_size[0], **CLOSE)
        np.testing.assert_allclose(layer.sums, state.embed_avg[0], rtol=1e-5, atol=1e-5)
        found = array(layer.codebook)
        found = unit(found) if cosine else found  # ours are m / N, and get their norm on use
        np.testing.assert_allclose(found, state.embed[0], **CLOSE)

    @pytest.mark.parametrize("estimator", ["straight_through", "rotation"])
    @pytest.mark.parametrize("distance", ["euclidean", "cosine"])
    def test_gradient_to_the_encoder(self, torch, make_torch, estimator, distance):
        x, upstream = normal(ROWS, DIM), normal(ROWS, DIM, seed=3)
        codebook = unit(normal(CODES, DIM, seed=1))
        layer = ours(layers.VectorQuantizerEMA, codebook, estimator=estimator, distance=distance)
        peer = make_torch(
            codebook,
            rotation_trick=estimator == "rotation",
            use_cosine_sim=distance == "cosine",
        )
        inputs = torch.tensor(x, requires_grad=True)
        output, codes, _ = peer(inputs)
        (output * torch.tensor(upstream)).sum().backward()
        np.testing.assert_array_equal(layer.encode(x), codes)
        np.testing.assert_allclose(gradients(layer, x, upstream)[0], inputs.grad, **CLOSE)

    def test_diversity(self, torch, make_torch):
        x, codebook = normal(ROWS, DIM), unit(normal(CODES, DIM, seed=1))
        # |z - e|^2 = 2 - 2 cos; its own temperature multiplies. Without the cosine it takes the
        # distance where we take its square.
        layer = ours(
            layers.VectorQuantizerEMA,
            codebook,
            distance="cosine",
            diversity_cost=1.0,
            diversity_temperature=2 / 3.0,
        )
        peer = make_torch(
            codebook,
            use_cosine_sim=True,
            codebook_diversity_loss_weight=1.0,
            codebook_diversity_temperature=3.0,
        )
        *_, parts = peer(torch.tensor(x), return_loss_breakdown=True)
        # Ours is 0 where all codes are used alike, its own is -log K there.
        expected = math.log(CODES) + parts.codebook_diversity.item()
        np.testing.assert_allclose(layer.quantize(x).losses["diversity"], expected, **CLOSE)

    def test_orthogonality(self, torch, make_torch):
        x, codebook = normal(ROWS, DIM), normal(CODES, DIM, seed=1)
        layer = ours(layers.VectorQuantizer, codebook, orthogonality_cost=1.0)
        peer = make_torch(
            codebook, learnable_codebook=True, ema_update=False, orthogonal_reg_weight=1.0
        )
        *_, parts = peer(torch.tensor(x), return_loss_breakdown=True)
        # Ours is the mean over pairs of two codes, its own over all pairs less the K of one code.
        pairs = (CODES - 1) / CODES
        mine = layer.quantize(x).losses["orthogonality"]
        np.testing.assert_allclose(pairs * mine, parts.orthogonal_reg.item(), **CLOSE)

    def test_residual(self, torch, package):
        codebooks = normal(3, CODES, DIM, seed=1)
        stages = [ours(layers.VectorQuantizerEMA, each, decay=DECAY) for each in codebooks]
        layer = layers.ResidualQuantizer(stages)
        peer = package.ResidualVQ(
            dim=DIM, num_quantizers=3, codebook_size=CODES, commitment_weight=0.25, **PLAIN
        ).train()
        for inner, codebook in zip(peer.layers, codebooks, strict=True):
            set_codes(torch, inner, codebook)
        for step in range(STEPS):
            x = normal(2, ROWS // 2, DIM, seed=step)
            mine, theirs = layer.quantize(x, training=True), peer(torch.tensor(x))
            vectors, codes, losses = (each.detach().numpy() for each in theirs)
            np.testing.assert_array_equal(mine.codes, codes)
            np.testing.assert_allclose(mine.vectors, vectors, **CLOSE)
            np.testing.assert_allclose(mine.losses["commitment"], losses.sum(), **CLOSE)
        for stage, inner in zip(stages, peer.layers, strict=True):
            state = inner._codebook
            np.testing.assert_allclose(stage.counts, state.cluster_size[0], **CLOSE)
            np.testing.assert_allclose(stage.sums, state.embed_avg[0], rtol=1e-5, atol=1e-5)
            np.testing.assert_allclose(stage.codebook, state.embed[0], **CLOSE)

    def test_simvq(self, torch, package):
        x, table, projection = normal(2, 50, DIM), normal(CODES, DIM, seed=1), normal(DIM, DIM)
        layer = layers.SimVQ(CODES)
        layer.build((None, DIM))
        layer.table.assign(table)
        layer.projection.assign(projection)
        peer = package.SimVQ(DIM, CODES, rotation_trick=False)
        peer.frozen_codebook.copy_(torch.tensor(table))
        peer.code_transform.weight.data.copy_(torch.tensor(projection.T))
        inputs = torch.tensor(x, requires_grad=True)
        vectors, codes, loss = peer(inputs)
        loss.backward()
        variables = tf.constant(x), layer.projection.value
        with tf.GradientTape() as tape:
            tape.watch(variables[0])
            mine = layer.quantize(variables[0], training=True)
            total = tf.add_n(list(mine.losses.values()))
        to_input, to_projection = tape.gradient(total, variables)
        np.testing.assert_array_equal(mine.codes, codes)
        np.testing.assert_allclose(mine.vectors, vectors.detach(), **CLOSE)
        np.testing.assert_allclose(total, loss.item(), **CLOSE)
        np.testing.assert_allclose(to_input, inputs.grad, **CLOSE)
        np.testing.assert_allclose(to_projection, peer.code_transform.weight.grad.T, **CLOSE)

    @pytest.mark.parametrize("levels", [(8, 5, 5, 5), (4, 7, 3)])
    def test_finite_scalar(self, torch, package, levels):
        x, upstream = normal(2, ROWS, len(levels)), normal(2, ROWS, len(levels), seed=1)
        layer, peer = layers.FiniteScalarQuantizer(levels), package.FSQ(levels)
        inputs = torch.tensor(x, requires_grad=True)
        vectors, codes = peer(inputs)
        (vectors * torch.tensor(upstream)).sum().backward()
        mine = tf.constant(x)
        with tf.GradientTape() as tape:
            tape.watch(mine)
            output = layer.quantize(mine, training=True)
            target = tf.reduce_sum(upstream * output.vectors)
        np.testing.assert_array_equal(output.codes, codes)
        np.testing.assert_allclose(output.vectors, vectors.detach(), **CLOSE)
        np.testing.assert_allclose(tape.gradient(target, mine), inputs.grad, **CLOSE)

    @pytest.mark.parametrize("spherical", [False, True])
    def test_lookup_free(self, torch, package, spherical):
        bits, temperature = 4, 4.0  # so warm that no probability is under 1e-5, its least
        x = normal(2, ROWS, bits)
        layer = layers.LookupFreeQuantizer(
            spherical=spherical,
            commitment_cost=1.0,
            entropy_cost=1.0,
            diversity_cost=1.0,
            temperature=temperature,
        )
        peer = package.LFQ(dim=bits, spherical=spherical, commitment_loss_weight=1.0).train()
        theirs, parts = peer(
            torch.tensor(x), inv_temperature=1 / temperature, return_loss_breakdown=True
        )
        output = layer.quantize(x, training=True)
        # Its first bit is the highest, ours the lowest.
        reverse = [int(f"{code:0{bits}b}"[::-1], 2) for code in range(2**bits)]
        np.testing.assert_array_equal(output.codes, np.array(reverse)[theirs.indices])
        np.testing.assert_allclose(output.vectors, theirs.quantized.detach(), **CLOSE)
        expected = {
            "commitment": parts.commitment,
            "entropy": parts.per_sample_entropy,
            "diversity": bits * math.log(2) - parts.batch_entropy,
        }
        for name, loss in expected.items():
            np.testing.assert_allclose(output.losses[name], loss.item(), **CLOSE, err_msg=name)

    @pytest.mark.parametrize("levels", [(5, 7, 3), (8, 5, 4, 2)])
    def test_residual_finite_scalar(self, torch, package, levels):
        number, x = np.array(levels), normal(2, ROWS, len(levels))
        layer = layers.ResidualQuantizer([layers.FiniteScalarQuantizer(levels) for _ in range(3)])
        peer = package.ResidualFSQ(levels=list(levels), num_quantizers=3)
        # It bounds by c tanh(x / c) with c = L / (L - 1), and counts from the middle of its levels
        # in halves of L - 1, where we count from the level of 0 in whole halves of L. So its input
        # is what it bounds to the same place among the levels.
        width, offset = (number - 1) * 1.001 / 2, np.where(number % 2, 0.0, 0.5)
        bounded = width * np.tanh(np.float64(x) + np.arctanh(offset / width))
        limit = number / (number - 1)
        given = limit * np.arctanh(bounded * 2 / (number - 1) / limit)
        vectors, codes = peer(torch.tensor(given, dtype=torch.float32))
        # Two float32 bounds part by some 1e-7, and the last stage's cells are 1e-2 of the first's.
        same = (array(layer.encode(x)) == codes.numpy()).all(-1)
        assert same.mean() > 0.99
        expected = (vectors.numpy() * (number - 1) / 2 - offset) / (number // 2)
        np.testing.assert_allclose(array(layer(x))[same], expected[same], **CLOSE)

    def test_residual_lookup_free(self, torch, package):
        bits, x = 4, normal(2, ROWS, 4)
        layer = layers.ResidualQuantizer(
            [
                layers.LookupFreeQuantizer(commitment_cost=1.0, entropy_cost=0, diversity_cost=0)
                for _ in range(3)
            ]
        )
        peer = package.ResidualLFQ(
            dim=bits,
            num_quantizers=3,
            codebook_size=2**bits,
            commitment_loss_weight=1.0,
            entropy_loss_weight=0.0,  # its temperature is one for all stages
        ).train()
        vectors, codes, losses = peer(torch.tensor(x))
        output = layer.quantize(x, training=True)
        reverse = np.array([int(f"{code:0{bits}b}"[::-1], 2) for code in range(2**bits)])
        np.testing.assert_array_equal(output.codes, reverse[codes])
        np.testing.assert_allclose(output.vectors, vectors.detach(), **CLOSE)
        np.testing.assert_allclose(output.losses["commitment"], losses.sum().item(), **CLOSE)
