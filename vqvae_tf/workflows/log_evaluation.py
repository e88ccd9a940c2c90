"""The line of the log before an evaluation, which may take longer than the training."""

from absl import logging


def log_evaluation(uri: str, validation_uri: str | None) -> None:
    """Logs what a run is evaluated on.

    Args:
        uri: the data of the evaluation.
        validation_uri: that of the caller; None if `uri` is the training data.
    """
    if validation_uri is None:
        logging.info("evaluating on all of %s; --validation=URI names other data", uri)
    else:
        logging.info("evaluating on %s", uri)
