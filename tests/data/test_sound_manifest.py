import json

import numpy as np
import pytest

from vqvae_tf import data
from vqvae_tf.errors import UserError

soundfile = pytest.importorskip("soundfile")
RATE = 8_000


@pytest.fixture(name="folder", scope="module")
def fixture_folder(tmp_path_factory):
    """Three sounds of half a second, each of another loudness, and a damaged one."""
    folder = tmp_path_factory.mktemp("manifest")
    for number, name in enumerate(("a.wav", "b.flac", "deep/c.wav")):
        (folder / name).parent.mkdir(exist_ok=True)
        soundfile.write(folder / name, np.full(RATE // 2, (number + 1) / 8), RATE)
    (folder / "bad.wav").write_bytes(b"no sound")
    (folder / "link.wav").symlink_to("a.wav")
    return folder


def manifest(folder, rows, name="m.jsonl"):
    """The path of a manifest: of lines as they are, or of mappings as JSON."""
    path = folder / name
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def only_message(caplog):
    (record,) = caplog.records
    message = record.getMessage()
    assert "\n" not in message
    return message


ROWS = [
    {"file": "a.wav", "speaker": "bert", "split": "train", "text": "Ah."},
    {"file": "b.flac", "speaker": "anna", "split": "train", "phones": [["aa", 0, 0.2]]},
    {"file": "deep/c.wav", "speaker": "zoe", "split": "unseen/test"},
]


def test_rows_are_sounds_with_what_is_known_of_them(folder):
    for split in ("", "/train"):
        source = data.open_sounds(f"manifest:{manifest(folder, ROWS)}{split}")
        first, second = source.sounds(RATE)
        assert len(source) == 2 and source.class_names == ("anna", "bert")
        assert (first["name"], first["speaker"], first["phones"]) == ("a.wav", 1, None)
        assert (first["text"], second["text"]) == ("Ah.", None)
        assert second["phones"] == (data.Phone("aa", 0.0, 0.2),) and second["speaker"] == 0
        np.testing.assert_array_equal(second["audio"], np.full(RATE // 2, 0.25, np.float32))
    source = data.open_sounds(f"manifest:{folder}/m.jsonl/unseen/test")
    assert [sound["name"] for sound in source.sounds(RATE)] == ["deep/c.wav"]
    assert source.class_names == ("zoe",)
    (batch,) = data.sound_batches(source, RATE, 100, 3, seed=0).take(1)
    assert batch["speaker"].numpy().tolist() == [0, 0, 0] and np.all(batch["audio"] == 0.375)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_csv_says_the_same(folder, end):
    phones = ["phone, start, end", "aa, 0, 0.2", "", "s, 0.25, 0.509", ""]
    (folder / "b.csv").write_bytes(end.join(phones).encode())
    rows = [
        "\ufefffile,split,phones,speaker,text",
        'a.wav,train,,bert,"Ah, ah."',
        "b.flac,train,b.csv,anna,",
        "",
        f"{folder}/deep/c.wav,test,,,",
    ]
    path = folder / "m.CSV"
    path.write_bytes(end.join(rows).encode())
    source = data.open_sounds(f"manifest:{path}")
    first, second = source.sounds(RATE)
    assert source.class_names == ("anna", "bert")
    assert (first["text"], first["speaker"], first["phones"]) == ("Ah, ah.", 1, None)
    # A phone that ends one frame of an aligner after the sound ends with it.
    assert second["phones"] == (("aa", 0, 0.2), ("s", 0.25, 0.5)) and second["text"] is None
    (third,) = data.open_sounds(f"manifest:{path}/test").sounds(RATE)
    assert third["speaker"] is None


def test_without_splits_all_rows_are_taken(folder):
    path = manifest(folder, [{"file": "b.flac"}, {"file": "a.wav"}])
    source = data.open_sounds(f"manifest:{path}")
    assert [sound["name"] for sound in source.sounds(RATE)] == ["b.flac", "a.wav"]
    assert source.class_names == ()
    with pytest.raises(UserError, match='the manifest names no splits; leave "/test" out'):
        data.open_sounds(f"manifest:{path}/test")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("{", "line 2: must be a field for each column, or a JSON object; received '{'"),
        ("[" * 100_000, "line 2: must be a field for each column, or a JSON object"),
        ({"speaker": "anna"}, "line 2: names no file"),
        ({"file": ""}, "line 2: names no file"),
        ({"file": "\ud800"}, r"line 2: no path of a file: '\ud800'"),
        ({"file": "b.flac", "speaker": 7}, "line 2: speaker must be text; received 7"),
        ({"file": "b.flac", "phones": {"aa": 1}}, "phones must be a list; received {'aa': 1}"),
        ({"file": "b.flac", "phones": [["aa", 0]]}, "a name, its start and its end in seconds"),
        ({"file": "b.flac", "phones": [["", 0, 1]]}, "a name, its start and its end in seconds"),
        ({"file": "b.flac", "phones": [["aa", False, 1]]}, "a name, its start and its end in"),
        ({"file": "b.flac", "phones": [["aa", 0, float("nan")]]}, "end after that; received"),
        ({"file": "b.flac", "phones": [["aa", 0, 10**400]]}, "end after that; received"),
        ({"file": "b.flac", "phones": [["aa", -0.1, 1]]}, "received ['aa', -0.1, 1] after 0 s"),
        (
            {"file": "b.flac", "phones": [["aa", 0, 0.2], ["b", 0.1, 0.3]]},
            "received ['b', 0.1, 0.3] after 0.2 s",
        ),
        ('{"file": "b.flac", "file": "deep/c.wav"}', "or a JSON object; received '{"),
        ({"file": " "}, "line 2: names no file"),
        ({"file": "b.flac", "phones": [[" ", 0, 1]]}, "a name, its start and its end in seconds"),
        ({"file": "a.wav"}, "line 2: a.wav is listed a second time"),
        ({"file": "./a.wav"}, "line 2: ./a.wav is listed a second time"),
        ({"file": "deep//../a.wav"}, "line 2: deep//../a.wav is listed a second time"),
        ({"file": "link.wav"}, "line 2: link.wav is listed a second time"),
        # Found where the sound is read.
        ({"file": "absent.wav"}, "absent.wav: cannot be read (No such file or directory)"),
        ({"file": "deep"}, "deep: cannot be read (Is a directory)"),
        ({"file": "a\0.wav"}, r"a\x00.wav: no regular file"),
        ({"file": "bad.wav"}, "bad.wav: not a readable sound (of no known format: give WAV, AIFF"),
        ({"file": "b.flac", "phones": "absent.csv"}, "absent.csv: cannot be read"),
        (
            {"file": "b.flac", "phones": [["aa", 0, 0.2], ["s", 0.4, 0.6]]},
            'b.flac: its phone "s" lasts from 0.4 to 0.6 s, the sound only 0.5 s',
        ),
        (
            {"file": "b.flac", "phones": [["aa", 3600, 3601]]},
            "lasts from 3600 to 3601 s, the sound",
        ),
    ],
)
def test_a_line_that_cannot_be_used_is_named_and_skipped(folder, caplog, row, message):
    source = data.open_sounds(f"manifest:{manifest(folder, [{'file': 'a.wav'}, row])}")
    for _ in range(2):
        assert [sound["name"] for sound in source.sounds(RATE)] == ["a.wav"]
    assert source.skipped == 1 and message in only_message(caplog)
    alone = manifest(folder, [row], "alone.jsonl")
    if "a second time" not in message:
        with pytest.raises(
            UserError, match=r"none of its 1 sounds|lists no sound that can be used"
        ):
            list(data.open_sounds(f"manifest:{alone}").sounds(RATE))


def test_lines_of_csv_that_cannot_be_used_are_named_and_skipped(folder, caplog):
    path = manifest(folder, ["file,speaker", "a.wav,anna", "b.flac", "c.wav,bert,7"], "m.csv")
    source = data.open_sounds(f"manifest:{path}")
    assert len(source) == 1 and source.skipped == 2
    assert "line 3: must be a field for each column" in caplog.text
    assert "received ['c.wav', 'bert', '7']" in caplog.text


def test_a_field_too_long_for_csv_skips_its_line_alone(folder, caplog):
    rows = ["file,text", "a.wav," + "x" * 200_000, "b.flac,Bee."]
    source = data.open_sounds(f"manifest:{manifest(folder, rows, 'm.csv')}")
    assert [sound["text"] for sound in source.sounds(RATE)] == ["Bee."] and source.skipped == 1
    assert "line 2: field larger than field limit (131072); give a JSONL file" in only_message(
        caplog
    )


@pytest.mark.parametrize("name", ["m.csv", "m.jsonl"])
def test_blanks_around_values_do_not_count(folder, name):
    blank = {
        "file": " a.wav ",
        "speaker": " anna",
        "split": "train ",
        "phones": " b.csv ",
        "text": " ",
    }
    plain = {"file": "b.flac", "speaker": "anna", "split": "train", "phones": "b.csv", "text": ""}
    (folder / "b.csv").write_text("phone,start,end\naa,0,0.2\n")
    rows = [blank, plain]
    if name.endswith("csv"):
        rows = [",".join(plain), *(",".join(row.values()) for row in rows)]
    source = data.open_sounds(f"manifest:{manifest(folder, rows, name)}")
    first, second = source.sounds(RATE)
    assert source.class_names == ("anna",) and first["phones"] == second["phones"] is not None
    assert first["name"] == "a.wav" and first["text"] is None


def test_sounds_without_a_speaker_are_counted_where_others_have_one(folder, caplog):
    rows = [{"file": "a.wav", "speaker": "anna"}, {"file": "b.flac", "speaker": " "}]
    source = data.open_sounds(f"manifest:{manifest(folder, rows)}")
    assert "1 of 2 sounds have no speaker: b.flac" in only_message(caplog)
    assert [sound["speaker"] for sound in source.sounds(RATE)] == [0, None]


def test_a_line_of_no_split_is_skipped_where_others_have_one(folder, caplog):
    path = manifest(folder, [*ROWS[:2], {"file": "deep/c.wav"}])
    assert len(data.open_sounds(f"manifest:{path}")) == 2
    assert "deep/c.wav: of no split, though others are of one" in only_message(caplog)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("phone,start\naa,0", "its first line must be \"phone,start,end\"; received 'phone,start'"),
        ("", "its first line must be"),
        (
            "phone,start,end\naa,0,x",
            "a name, its start and its end in seconds; received ['aa', 0.0, 'x']",
        ),
        ("phone,start,end\naa,0", "a name, its start and its end in seconds"),
        ('phone,start,end\n"aa,0,1', "not CSV"),
        ("phone,start,end\naa,0,1", 'its phone "aa" lasts from 0 to 1 s, the sound only 0.5 s'),
    ],
)
def test_files_of_phones_that_cannot_be_used_are_named(folder, caplog, content, message):
    (folder / "phones.csv").write_text(content)
    path = manifest(folder, [{"file": "a.wav"}, {"file": "b.flac", "phones": "phones.csv"}])
    assert len(list(data.open_sounds(f"manifest:{path}").sounds(RATE))) == 1
    assert message in only_message(caplog)


@pytest.mark.parametrize(
    ("name", "lines", "message"),
    [
        ("m.csv", ["file,speeker", "a.wav,anna"], 'unknown column "speeker"; nearest: speaker'),
        ("m.jsonl", [{"file": "a.wav"}, {"wav": "b"}], 'line 2: unknown column "wav"'),
        ("m.csv", ["speaker,split", "anna,train"], "\"file\" among them; received 'speaker,split'"),
        ("m.csv", ["file,text,file"], 'the column "file" is there twice'),
        ("m.csv", ["file", '"a.wav'], "line 2: not CSV"),
        ("m.csv", ["x" * 200_000, "a.wav"], "line 1: not CSV"),
        ("m.csv", ["file", '"x', "x" * 200_000 + '"', "a.wav"], "line 3: not CSV"),
        ("m.csv", [], "its first line must name the columns"),
        ("m.csv", ["file"], "the manifest lists no sound"),
        ("m.jsonl", [], "the manifest lists no sound"),
        ("m.jsonl", ["{", "}"], r"lists no sound that can be used \(2 cannot\)"),
    ],
)
def test_manifests_that_cannot_be_used_are_refused_in_one_line(folder, name, lines, message):
    with pytest.raises(UserError, match=message) as error:
        data.open_sounds(f"manifest:{manifest(folder, lines, name)}")
    assert str(error.value).isprintable()


def test_what_is_no_manifest_is_refused_in_one_line(folder):
    (folder / "latin.csv").write_bytes(b"file\ncaf\xe9.wav")
    for name, message in (
        ("latin.csv", "line 2: not UTF-8; save it as such"),
        ("absent.csv", "cannot be read"),
        ("m.txt", r"must be a file ending in .csv or .jsonl; give manifest:PATH"),
        ("a\0.csv", "no regular file"),
        ("none://a.csv", ""),
    ):
        path = name if "://" in name else f"{folder}/{name}"
        with pytest.raises(UserError, match=message) as error:
            data.open_sounds(f"manifest:{path}")
        assert str(error.value).isprintable()
    path = manifest(folder, ROWS)
    with pytest.raises(UserError, match='unknown split "tran"; nearest: train'):
        data.open_sounds(f"manifest:{path}/tran")
    assert data.open_sounds(f"manifest:{manifest(folder, ROWS, 'm.jsonl')}").skipped == 0
    with pytest.raises(UserError, match='unknown split "train"; all: unseen/test'):
        data.open_sounds(f"manifest:{manifest(folder, ROWS[2:])}")
