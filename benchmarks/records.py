"""Records read in a random order, with their checksums: against tf.data, ArrayRecord and Grain."""

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator

import _timing  # first: it sets TensorFlow's threads
import numpy as np
import tensorflow as tf

from vqvae_tf import data
from vqvae_tf.data import records, tfds
from vqvae_tf.data.record_files import RecordFiles

NOTES = """\
The time of one pass over all records, as bytes, from one file in the page cache. tf.data reads in
sequence through a shuffle buffer of 4,096 records, so only the order within the buffer is random;
the others read any record by its number. The ArrayRecord file has one record per group and is not
compressed, its fastest form for random access; Grain reads it in one thread."""


def code_maps(count: int) -> Iterator[bytes]:
    """Maps of 32x32 codes out of 512, 1.9 kB each."""
    rng = np.random.default_rng(0)
    for _ in range(count):
        yield records.codes_example({"codes": rng.integers(0, 512, (32, 32))})


def tiles(count: int) -> Iterator[bytes]:
    """PNG tiles of 128x128 pixels from photographs, 24 kB each on average."""
    rng = np.random.default_rng(0)
    photographs = [item["image"] for item in data.open_source("embedded:photos").pictures()]
    for number in range(count):
        image = photographs[number % len(photographs)]
        top, left = (rng.integers(side - 127) for side in image.shape[:2])
        yield records.image_example({"image": image[top : top + 128, left : left + 128]})


def readers(folder: str, examples: Iterable[bytes]) -> dict[str, Callable[[], int]]:
    """Ways to read all of `examples` once, each from a file of its own format."""
    path = os.path.join(folder, "records")
    examples = list(examples)
    with tf.io.TFRecordWriter(path + ".tfrecord") as writer:
        for example in examples:
            writer.write(example)
    files = RecordFiles("benchmark", [path + ".tfrecord"])
    order = np.random.default_rng(0).permutation(len(files)).tolist()
    shuffled = tf.data.TFRecordDataset(path + ".tfrecord").shuffle(tfds.SHUFFLE_BUFFER, seed=0)
    functions = {
        "ours": lambda: sum(len(files.read(index)) for index in order),
        "tf.data": lambda: sum(map(len, shuffled.as_numpy_iterator())),
    }
    if _timing.is_here("array_record", "array_record"):
        from array_record.python import array_record_data_source, array_record_module

        writer = array_record_module.ArrayRecordWriter(
            path + ".arrayrecord", "group_size:1,uncompressed"
        )
        for example in examples:
            writer.write(example)
        writer.close()
        source = array_record_data_source.ArrayRecordDataSource(path + ".arrayrecord")
        functions["ArrayRecord"] = lambda: sum(len(source[index]) for index in order)
        if _timing.is_here("grain", "grain"):
            import grain

            one_thread = grain.ReadOptions(num_threads=1, prefetch_buffer_size=16)
            dataset = grain.MapDataset.source(source).shuffle(seed=0).to_iter_dataset(one_thread)
            functions["Grain"] = lambda: sum(map(len, dataset))
    return functions


def measure(repeats: int) -> list[_timing.Comparison]:
    """Lines of the table."""
    lines = []
    for work, examples in (
        ("20,000 code maps", code_maps(20_000)),
        ("4,000 PNG tiles", tiles(4_000)),
    ):
        with tempfile.TemporaryDirectory() as folder:
            seconds = _timing.interleaved(readers(folder, examples), repeats)
        ours = seconds.pop("ours")
        lines += [_timing.speed(work, ours, name, other) for name, other in seconds.items()]
    return lines


if __name__ == "__main__":
    _timing.run(measure, repeats=5, notes=NOTES)
