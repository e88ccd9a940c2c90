"""The training loop for any model with `compute_losses`, under any `tf.distribute` strategy."""

import dataclasses
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
from vqvae_tf.training.loss_window import LossWindow
from vqvae_tf.training.workdir import locked

_SHOWN = 8  # examples of the first batch that are shown in TensorBoard at every log


def train(
    model: keras.Model,
    make_dataset: Callable[[int], tf.data.Dataset],
    config: TrainingConfig,
    workdir: str,
    *,
    strategy: tf.distribute.Strategy | None = None,
    evaluate: Callable[[Any], Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """Trains `model` for `config.steps` updates, or resumes the run in `workdir`.

    Weights, quantizer state, optimizer and averages are restored bit for bit, and the data continue
    at the same step. An interrupted run therefore ends as an uninterrupted one, and its
    `metrics.csv` is the same except for the steps per second. Keras's `fit` does not run on
    several workers and computes wrong losses if a layer exchanges statistics between replicas;
    this loop divides each replica's loss by their number and lets the optimizer sum the gradients.

    The logged values of a step are the means over the steps since the last log. They are fetched
    from the device only when they are logged, so that steps do not wait.

    Args:
        model: built, in the scope of `strategy`, with named layers: checkpoints identify variables
            by their paths. It has `compute_losses(batch, training)`, a dict of scalars with the
            key `loss`; `before_update(optimizer)`, called after the gradients are computed;
            `warnings()`, lines to log at each checkpoint; `summaries(batch)`, summaries for
            TensorBoard; and, with weight averaging, `averaged_variables`.
        make_dataset: function of a step that returns the endless dataset of global batches from
            that step.
        config: the training configuration.
        workdir: folder of `checkpoints/`, `metrics.csv`, `tensorboard/` and `evaluation.json`; any
            `tf.io.gfile` path. It is locked during the run.
        strategy: the default is the current one.
        evaluate: measures the model, which then has its averaged weights, if there are any.
            It is called every `config.evaluate_every` steps and at the end. Numbers in its result
            are logged as `evaluation/NAME`. With weight averaging, the numbers of the current
            weights are logged as `evaluation_current/NAME`.

    Returns:
        The result of the last `evaluate`, with `step` and the last mean losses under `losses`;
        it is also written to `evaluation.json`.

    Raises:
        UserError: for a loss or weights that are no longer finite, a batch that does not divide,
            a checkpoint that cannot be read or written, or a workdir that another run uses.
        Interrupted: after Ctrl-C or SIGTERM, with the state saved.
    """
    strategy = strategy or tf.distribute.get_strategy()
    check(model, config, strategy)
    with locked(workdir, active=strategy.extended.should_checkpoint):
        run = _Run(model, make_dataset, config, workdir, strategy)
        try:
            return run.to_the_end(evaluate)
        except KeyboardInterrupt:
            raise Interrupted(
                f"stopped at step {run.step}; {run.checkpoints.describe_last()}; "
                "the same command resumes from there"
            ) from None
        finally:
            run.logs.close()


def check(model: keras.Model, config: TrainingConfig, strategy: tf.distribute.Strategy) -> None:
    """Checks the arguments as `train` does, for callers that write files before they call it.

    Raises:
        UserError: for a batch that does not divide by the replicas.
        ValueError: for a model that is not built.
    """
    replicas = strategy.num_replicas_in_sync
    if config.batch_size % replicas:
        raise UserError(
            f"training.batch_size {config.batch_size} must be a multiple of the {replicas} "
            f"replicas; take {-(-config.batch_size // replicas) * replicas}, or other devices"
        )
    if not model.trainable_variables:
        raise ValueError("the model has no trainable variables; build it before training")


class _Run:
    """State of one call of `train`."""

    def __init__(self, model, make_dataset, config, workdir, strategy):
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
            os.path.join(workdir, "checkpoints"),
            model,
            self._optimizer,
            self._average,
            active=self._is_chief,
        )
        self.step = self.checkpoints.restore()
        self._window = LossWindow()
        if self.step:
            logging.info("resuming from step %d of %s", self.step, workdir)
            self._window.load(self.checkpoints.progress)
            self._warn_of_a_jump(int(self.checkpoints.progress.get("steps", config.steps)))
        self.logs = Logs(workdir, self.step, config.steps, active=self._is_chief)
        self._shown = None

    def to_the_end(self, evaluate):
        config = self._config
        with StopRequests() as stop:
            run_step = self._compiled_step()
            if self._is_due(evaluate):  # it may have been interrupted
                with stop.let_through():
                    self._evaluate(evaluate)
            seconds, mark, timed_from = 0.0, time.perf_counter(), self.step
            while self.step < config.steps:
                self._window.add(run_step())
                self.step += 1
                self.logs.advance()
                last = self.step == config.steps
                log = last or self.step % config.log_every == 0
                measure = self._is_due(evaluate)
                # Read once: a signal that arrives while this step is logged waits for the next.
                stopping = stop.received
                # Ctrl-C interrupts an evaluation at once, so a checkpoint is written before it.
                save = last or measure or stopping or self.step % config.checkpoint_every == 0
                if not (log or save):
                    continue
                self._collect_losses()
                seconds += time.perf_counter() - mark
                if log:
                    self._log((self.step - timed_from) / seconds)
                    seconds, timed_from = 0.0, self.step
                if save:
                    self._save()
                if stopping:
                    raise KeyboardInterrupt
                if measure:
                    with stop.let_through():
                        self._evaluate(evaluate)
                mark = time.perf_counter()
            if stop.received:  # after the last step; everything is saved
                raise KeyboardInterrupt
        results = {"step": self.step, "losses": self._window.means}
        if evaluate is not None:
            with StopRequests() as stop, stop.let_through():
                results |= self._evaluate(evaluate)
        if self._is_chief:
            write_json(os.path.join(self._workdir, "evaluation.json"), results)
        return results

    def _is_due(self, evaluate):
        """Whether an evaluation before the end follows the current step."""
        every = self._config.evaluate_every
        on_the_way = 0 < self.step < self._config.steps
        return evaluate is not None and every and on_the_way and self.step % every == 0

    def _warn_of_a_jump(self, planned):
        """Warns if the cosine schedule so far was made for another number of steps."""
        config = self._config
        if config.schedule != "cosine" or planned == config.steps:
            return
        before = float(optimizers.schedule(dataclasses.replace(config, steps=planned))(self.step))
        now = float(optimizers.schedule(config)(self.step))
        if before == now:  # in the warm-up
            return
        logging.warning(
            "training.steps changed from %d to %d under a cosine schedule: the learning rate "
            "changes from %.3g to %.3g at step %d",
            planned, config.steps, before, now, self.step,
        )  # fmt: skip

    def _compiled_step(self):
        model, optimizer, average = self._model, self._optimizer, self._average
        strategy, terms = self._strategy, self._window.terms
        replicas = strategy.num_replicas_in_sync
        variables = model.trainable_variables
        clip_norm = self._config.clip_norm
        # A loss-scaling optimizer checks for overflows before the sum over replicas, on the first
        # replica only; it must get the sum.
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
            if sum_first:  # the optimizer will add this many equal gradients
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

    def _collect_losses(self):
        """Fetches the losses since the last call; raises if one is not finite."""
        losses = self._window.collect()
        broken = np.flatnonzero(~np.isfinite(losses).all(axis=1))
        if broken.size:
            at = broken[0]
            step = self.step - len(losses) + 1 + at
            values = dict(zip(self._window.terms, losses[at].tolist(), strict=True))
            raise self.checkpoints.diverged(f"the loss is not finite at step {step} ({values})")

    def _log(self, steps_per_second):
        self.logs.scalars(
            self.step,
            {
                **self._window.close(),
                "learning_rate": float(self._optimizer.learning_rate),
                "steps_per_second": steps_per_second,
            },
        )

    def _save(self):
        self.checkpoints.progress = {"steps": np.int64(self._config.steps), **self._window.state()}
        # A gradient may overflow although the loss was finite. The next loss would show it, but
        # only after this checkpoint had replaced a valid one, so `save` checks every value.
        self.checkpoints.save(self.step)
        if not self._is_chief:
            return
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
