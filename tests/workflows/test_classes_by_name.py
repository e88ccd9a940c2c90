import sys

import pytest

from tests.small import PRIOR, picture
from vqvae_tf import models, workflows
from vqvae_tf.data import images
from vqvae_tf.workflows.classes_by_name import ClassesByName


def write(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(images.encode(picture(16, 20, seed=len(name))))
    return f"folder:{folder}"


def test_classes_are_matched_by_name(caplog):
    classes = ClassesByName("a:", ("waves", "owls", "dunes"), known=("dunes", "waves"))
    assert classes({"label": [[0, 1], [2, -1]]})["label"].tolist() == [[1, -1], [0, -1]]
    assert int(classes({"speaker": 2})["speaker"]) == 0 and classes({}) == {}
    assert [record.getMessage() for record in caplog.records] == [
        "a:: no labels for 1 of its 3 classes, which the prior does not know: owls; it knows "
        "dunes, waves"
    ]


@pytest.mark.parametrize(
    ("given", "known", "said"),
    [
        ((), ("a",), "has no classes; the prior gets no labels"),
        (("a",), (), None),
        (("b", "a"), ("a", "b", "c"), None),
        (tuple("abcdefgh"), ("x",), "a, b, c, d, e, ... (8 in all); it knows x"),
    ],
)
def test_what_is_not_used_is_said_in_one_line(caplog, given, known, said):
    assert ClassesByName("a:", given, known)({"label": [-1]})["label"].tolist() == [-1]
    assert len(caplog.records) == (said is not None)
    assert said is None or said in caplog.text


def test_a_set_that_lacks_a_class_keeps_its_labels(runs, tmp_path, caplog):
    full = write(tmp_path / "full", "dunes/a.png", "waves/bb.png")
    part = write(tmp_path / "part", "waves/bb.png")
    other = write(tmp_path / "other", "apes/a.png", "waves/bb.png")
    plain = write(tmp_path / "plain", "bb.png")
    rates = {}
    for name, uri in (("full", full), ("part", part), ("other", other), ("plain", plain)):
        rows = workflows.evaluate(runs.model, uri, runs.prior)["per_picture"]
        rates[name] = rows[-1]["prior_bits_per_code"]
    # The same picture of the same class; float32 sums may round otherwise in another batch.
    assert rates["part"] == pytest.approx(rates["full"], rel=1e-5)
    assert rates["other"] == pytest.approx(rates["full"], rel=1e-5)
    assert abs(rates["plain"] - rates["full"]) > 1e-3 * rates["full"]
    assert "no labels for 1 of its 2 classes, which the prior does not know: apes" in caplog.text
    assert f"{plain}: has no classes; the prior gets no labels" in caplog.text


def test_a_search_is_given_labels_by_name(runs, tmp_path, monkeypatch):
    seen = []
    encode = models.CodeSearch.encode

    def watched(search, images, conditions):
        seen.append(conditions["label"])
        return encode(search, images, conditions)

    monkeypatch.setattr(models.CodeSearch, "encode", watched)
    part = write(tmp_path, "waves/bb.png")
    workflows.evaluate(runs.model, part, runs.prior, search_passes=1, rate_weight=1.0)
    assert [each.tolist() for each in seen] == [[1]]


def test_a_prior_is_evaluated_on_labels_by_name(runs, tmp_path, monkeypatch):
    part = write(tmp_path / "pictures", "waves/bb.png")
    held_out = []
    monkeypatch.setattr(
        sys.modules["vqvae_tf.workflows.train_prior"],
        "mean_bits",
        lambda prior, maps: held_out.extend(maps) or {"bits_per_code": 1.0},
    )
    path = str(tmp_path / "prior")
    codes = f"codes:{runs.prior}/codes/*.tfrecord"
    workflows.train_prior(PRIOR, runs.model, codes, path, validation_uri=part)
    assert [int(item["label"]) for item in held_out] == [1]
