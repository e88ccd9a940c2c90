import collections

from vqvae_tf.data.speech.sentences import sentences


def test_they_differ_and_fewer_are_a_part_of_more():
    many = sentences(1_500)
    assert len(set(many)) == 1_500 and sentences(40) == many[:40]
    assert sentences(40, seed=1) != many[:40]


def test_they_are_plain_sentences_of_some_length():
    for sentence in sentences(1_500):
        words = sentence[:-1].split(" ")
        assert 5 <= len(words) <= 14 and all(word.isalpha() for word in words)
        assert sentence[0].isupper() and sentence[-1] in ".?"
        for word, following in zip(words, words[1:], strict=False):
            if word.lower() in ("a", "an") and following != "hour":
                vowel = following[0] in "aeiou" and not following.startswith("usual")
                assert vowel == (word.lower() == "an")


def test_no_word_but_the_smallest_is_frequent():
    counts = collections.Counter(
        word for sentence in sentences(1_500) for word in sentence.lower()[:-1].split()
    )
    assert len(counts) > 700
    for word, count in counts.most_common(40):
        assert count < 150 or len(word) <= 7
