"""The one training loop: any model with `compute_losses`, under any `tf.distribute` strategy."""

import os
import time
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from absl import logging

from vqvae_tf.config import TrainingConfig
from vqvae_tf.errors import UserError
from vqvae_tf.files import write_json
from vqvae_tf.training import optimizers
from vqvae_tf.training.checkpoints import Checkpoints
from vqvae_tf.training.interrupts import Interrupted, StopRequests
from vqvae_tf.training.logs import Logs

_SHOWN = 8  # examples of the first batch that TensorBoard's pictures follow


def train(
    model: keras.Model,
    make_dataset: Callable[[int], tf.data.Dataset],
    config: TrainingConfig,
    workdir: str,
    *,
    strategy: tf.distribute.Strategy | None = None,
    evaluate: Callable[[Any], Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """Trains `model` for `config.steps` updates, or goes on where `workdir` left off.

    Weights, quantizer state, optimizer and averages come back bit for bit, and the data goes on
    at the same step, so an interrupted run ends as an uninterrupted one would have. Keras's own
    `fit` does not run on several workers and counts losses wrongly where a layer exchanges
    statistics between replicas; this loop divides each replica's loss by their number and lets
    the optimizer sum the gradients.

    What is logged for a step are the means over the steps since the last log. They are fetched
    from the device then and not before, so that steps are never held up.

    Args:
        model: built, in the scope of `strategy`. It offers `compute_losses(batch, training)`, a
            dict of scalars with the key `loss`; `before_update(optimizer)`, called once the
            gradients are there; `warnings()`, lines to log at each checkpoint; `summaries(batch)`,
            what to show in TensorBoard; and, with weight averaging, `averaged_variables`.
        make_dataset: gives the endless dataset of global batches as seen from a step on.
        config: how to train.
        workdir: gets `checkpoints/`, `metrics.csv`, `tensorboard/` and `evaluation.json`; any
            path that `tf.io.gfile` knows.
        strategy: the default is the current one.
        evaluate: measures the model, which then has its averaged weights where there are any.
            Called every `config.evaluate_every` steps and at the end. Numbers in what it returns
            are logged as `evaluation/NAME`, and with weight averaging those of the weights
            proper as `evaluation_current/NAME`.

    Returns:
        What `evaluate` returned at the end, with `step` and the last mean losses under `losses`;
        the same is in `evaluation.json`.

    Raises:
        UserError: for a loss or weights that are no longer finite, a batch that does not divide,
            or a checkpoint that cannot be read or written.
        Interrupted: after Ctrl-C or SIGTERM, with the state saved.
    """
    run = _Run(model, make_dataset, config, workdir, strategy or tf.distribute.get_strategy())
    try:
        return run.to_the_end(evaluate)
    except KeyboardInterrupt:
        raise Interrupted(
            f"stopped at step {run.step}; {run.checkpoints.describe_last()}; "
            "the same command goes on from there"
        ) from None
    finally:
        run.logs.close()


class _Run:
    """State of one call of `train`."""

    def __init__(self, model, make_dataset, config, workdir, strategy):
        if config.batch_size % strategy.num_replicas_in_sync:
            raise UserError(
                f"training.batch_size {config.batch_size} must be a multiple of the "
                f"{strategy.num_replicas_in_sync} replicas"
            )
        if not model.trainable_variables:
            raise ValueError("the model has no trainable variables; build it before training")
        self._model, self._config, self._workdir = model, config, workdir
        self._make_dataset, self._strategy = make_dataset, strategy
        self._is_chief = strategy.extended.should_checkpoint
        self._average = None
        with strategy.scope():
            self._optimizer = optimizers.build(config, model.trainable_variables)
            if config.weight_averaging:
                self._average = optimizers.WeightAverage(
                    model.averaged_variables, config.weight_averaging
                )
        self.checkpoints = Checkpoints(
            os.path.join(workdir, "checkpoints"), model, self._optimizer, self._average
        )
        self.step = self.checkpoints.restore()
        if self.step:
            logging.info("going on from step %d of %s", self.step, workdir)
        self.logs = Logs(workdir, self.step, config.steps, active=self._is_chief)
        self._terms: list[str] = []  # names of the losses, known once the step is traced
        self._history: list[tf.Tensor] = []  # one vector of losses a step since the last log
        self._means: dict[str, float] = {}
        self._shown = None

    def to_the_end(self, evaluate):
        config = self._config
        with StopRequests() as stop:
            run_step = self._compiled_step()
            seconds, mark = 0.0, time.perf_counter()
            while self.step < config.steps:
                self._history.append(run_step())
                self.step += 1
                self.logs.advance()
                last = self.step == config.steps
                log = last or self.step % config.log_every == 0
                measure = (
                    evaluate is not None
                    and not last
                    and config.evaluate_every
                    and self.step % config.evaluate_every == 0
                )
                # Looked at once: a signal that comes while this step is logged waits for the next.
                stopping = stop.received
                # An evaluation is cut off at once by Ctrl-C, so a checkpoint goes before it.
                save = last or measure or stopping or self.step % config.checkpoint_every == 0
                if not (log or save):
                    continue
                losses = self._finite_losses()
                seconds += time.perf_counter() - mark
                if log:
                    self._log(losses, seconds)
                    seconds = 0.0
                if save:
                    self._save()
                if stopping:
                    raise KeyboardInterrupt
                if measure:
                    with stop.let_through():
                        self._evaluate(evaluate)
                mark = time.perf_counter()
            if stop.received:  # since the last step's look; all is saved
                raise KeyboardInterrupt
        results = {"step": self.step, "losses": self._means}
        if evaluate is not None:
            results |= self._evaluate(evaluate)
        if self._is_chief:
            write_json(os.path.join(self._workdir, "evaluation.json"), results)
        return results

    def _compiled_step(self):
        model, optimizer, average = self._model, self._optimizer, self._average
        strategy, terms = self._strategy, self._terms
        replicas = strategy.num_replicas_in_sync
        variables = model.trainable_variables
        clip_norm = self._config.clip_norm
        # A loss-scaling optimizer looks for overflows before the sum over replicas, on the first
        # replica only; it must see the sum.
        sum_first = replicas > 1 and (
            clip_norm or isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
        )

        def replica_step(batch):
            with tf.GradientTape() as tape:
                losses = model.compute_losses(batch, training=True)
                loss = optimizer.scale_loss(tf.cast(losses["loss"], tf.float32) / replicas)
            gradients = tape.gradient(loss, variables)
            if sum_first:
                gradients = _sum_over_replicas(gradients)
            if clip_norm:
                gradients, _ = tf.clip_by_global_norm(gradients, optimizer.scale_loss(clip_norm))
            if sum_first:  # the optimizer is about to add up this many equal gradients
                gradients = [None if each is None else each / replicas for each in gradients]
            updates = tf.identity(optimizer.iterations)
            model.before_update(optimizer)
            optimizer.apply(gradients, variables)
            if average is not None:
                average.update(updates)
            return losses

        options = tf.data.Options()
        options.experimental_distribute.auto_shard_policy = (
            tf.data.experimental.AutoShardPolicy.DATA
        )
        dataset = self._make_dataset(self.step).with_options(options)
        batches = iter(strategy.experimental_distribute_dataset(dataset))

        @tf.function
        def step():
            losses = strategy.run(replica_step, args=(next(batches),))
            terms[:] = losses
            return tf.stack(
                [
                    tf.cast(strategy.reduce("MEAN", losses[name], axis=None), tf.float32)
                    for name in terms
                ]
            )

        return step

    def _finite_losses(self):
        """Losses since the last log, `[steps, terms]`; the guard against those that blow up."""
        losses = tf.stack(self._history).numpy()
        broken = np.flatnonzero(~np.isfinite(losses).all(axis=1))
        if broken.size:
            at = broken[0]
            step = self.step - len(losses) + 1 + at
            values = dict(zip(self._terms, losses[at].tolist(), strict=True))
            self._fail(f"the loss is not finite at step {step} ({values})")
        return losses

    def _fail(self, what):
        raise UserError(
            f"{what}; {self.checkpoints.describe_last()}; try a lower training.learning_rate or "
            "training.clip_norm=1 in another workdir"
        )

    def _log(self, losses, seconds):
        means = losses.astype(np.float64).mean(axis=0).tolist()
        self._means = dict(zip(self._terms, means, strict=True))
        self._history.clear()
        self.logs.scalars(
            self.step,
            {
                **self._means,
                "learning_rate": float(self._optimizer.learning_rate),
                "steps_per_second": len(losses) / seconds,
            },
        )

    def _save(self):
        # A gradient may overflow where the loss itself was finite; the next loss would tell, but
        # only after this checkpoint had taken the place of a good one.
        for variable in self._model.trainable_variables:
            if not np.isfinite(variable.numpy()).all():
                self._fail(f"the weights {variable.path} are not finite at step {self.step}")
        if not self._is_chief:
            return
        self.checkpoints.save(self.step)
        for line in self._model.warnings():
            logging.warning("step %d: %s", self.step, line)
        if self._shown is None:
            batch = next(iter(self._make_dataset(0)))
            self._shown = {name: values[:_SHOWN] for name, values in batch.items()}
        self.logs.summaries(self.step, self._model.summaries(self._shown))

    def _evaluate(self, evaluate):
        if self._average is None:
            results = dict(evaluate(self._model))
            values = _numbers("evaluation", results)
        else:
            values = _numbers("evaluation_current", evaluate(self._model))
            with self._average.applied():
                results = dict(evaluate(self._model))
            values |= _numbers("evaluation", results)
        self.logs.scalars(self.step, values)
        return results


def _sum_over_replicas(gradients):
    present = [tf.convert_to_tensor(each) for each in gradients if each is not None]
    summed = iter(tf.distribute.get_replica_context().all_reduce("SUM", present))
    return [None if each is None else next(summed) for each in gradients]


def _numbers(prefix, results):
    return {
        f"{prefix}/{name}": float(value)
        for name, value in results.items()
        if isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    }
