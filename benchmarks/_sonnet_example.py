"""The network of Sonnet's `examples/vqvae_example.ipynb` and its training step, to compare with."""

import sonnet as snt
import tensorflow as tf

HIDDEN, RESIDUAL_HIDDEN, RESIDUAL_LAYERS = 128, 32, 2
EMBEDDING_DIM, NUM_EMBEDDINGS = 64, 512
COMMITMENT_COST, DECAY, LEARNING_RATE = 0.25, 0.99, 3e-4
DATA_VARIANCE = 0.06327  # of CIFAR-10, which the notebook computes


class ResidualStack(snt.Module):
    def __init__(self):
        super().__init__()
        self._layers = [
            (snt.Conv2D(RESIDUAL_HIDDEN, 3), snt.Conv2D(HIDDEN, 1)) for _ in range(RESIDUAL_LAYERS)
        ]

    def __call__(self, x):
        for wide, narrow in self._layers:
            x += narrow(tf.nn.relu(wide(tf.nn.relu(x))))
        return tf.nn.relu(x)


class Model(snt.Module):
    def __init__(self):
        super().__init__()
        self._encoder = [
            snt.Conv2D(HIDDEN // 2, 4, stride=2),
            snt.Conv2D(HIDDEN, 4, stride=2),
            snt.Conv2D(HIDDEN, 3),
        ]
        self._encoder_residual = ResidualStack()
        self._to_vq = snt.Conv2D(EMBEDDING_DIM, 1)
        self._vq = snt.nets.VectorQuantizerEMA(
            EMBEDDING_DIM, NUM_EMBEDDINGS, COMMITMENT_COST, DECAY
        )
        self._from_vq = snt.Conv2D(HIDDEN, 3)
        self._decoder_residual = ResidualStack()
        self._up_0 = snt.Conv2DTranspose(HIDDEN // 2, 4, stride=2)
        self._up_1 = snt.Conv2DTranspose(3, 4, stride=2)

    def __call__(self, pixels, is_training):
        x = pixels
        for convolution in self._encoder:
            x = tf.nn.relu(convolution(x))
        z = self._to_vq(self._encoder_residual(x))
        quantized = self._vq(z, is_training=is_training)
        x = self._decoder_residual(self._from_vq(quantized["quantize"]))
        reconstruction = self._up_1(tf.nn.relu(self._up_0(x)))
        error = tf.reduce_mean((reconstruction - pixels) ** 2) / DATA_VARIANCE
        return {
            "z": z,
            "x_recon": reconstruction,
            "loss": error + quantized["loss"],
            "recon_error": error,
            "vq_output": quantized,
        }


def training_step():
    """The notebook's `train_step`: float pixels in [-0.5, 0.5] in, all outputs of the model out."""
    model = Model()
    optimizer = snt.optimizers.Adam(learning_rate=LEARNING_RATE)

    @tf.function
    def step(pixels):
        with tf.GradientTape() as tape:
            output = model(pixels, is_training=True)
        variables = model.trainable_variables
        optimizer.apply(tape.gradient(output["loss"], variables), variables)
        return output

    return step
