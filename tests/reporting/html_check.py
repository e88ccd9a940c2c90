"""What a page must be: balanced tags, one file, a text for every picture."""

import html.parser

VOID = {"br", "hr", "img", "input", "link", "meta"}


class Checker(html.parser.HTMLParser):
    """Collects what is on a page and refuses tags that do not match.

    Attributes:
        tags: (name, attributes), in order.
        texts: in order.
        sections: heading -> its own tags and texts, of all <section>s.
    """

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.texts = [], [], []
        self._bounds = []  # of sections: numbers of tags and texts, at both ends
        self.feed(text)
        self.close()
        assert not self.open, f"never closed: {self.open}"
        self.sections = {}
        for (tag, text), (last_tag, last_text) in zip(
            self._bounds[::2], self._bounds[1::2], strict=True
        ):
            texts = [each.strip() for each in self.texts[text:last_text] if each.strip()]
            self.sections[texts[0]] = (self.tags[tag:last_tag], texts[1:])

    def handle_starttag(self, tag, attributes):
        names = [name for name, _ in attributes]
        assert len(names) == len(set(names)), f"an attribute twice in <{tag}>"
        self.tags.append((tag, dict(attributes)))
        self._note_section(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, f"</{tag}> closes another tag"
        self._note_section(tag)

    def _note_section(self, tag):
        if tag == "section":
            self._bounds.append((len(self.tags), len(self.texts)))

    def handle_data(self, data):
        self.texts.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def check(text):
    """Asserts that the page is one self-contained, accessible document; returns what is on it."""
    page = Checker(text)
    assert text.startswith("<!doctype html>") and text.endswith("</html>\n")
    for tag, attributes in page.tags:
        for name in ("src", "srcset", "data", "poster", "action", "background"):
            assert attributes.get(name, "data:").startswith("data:"), (tag, name)
        if tag != "a":
            assert attributes.get("href", "#").startswith(("#", "data:")), tag
    assert "@import" not in text and "url(http" not in text
    assert all(image["alt"].strip() for image in page.all("img"))
    assert all(int(image["width"]) > 0 and int(image["height"]) > 0 for image in page.all("img"))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids)), "an id twice"
    for _, attributes in page.tags:
        if attributes.get("href", "").startswith("#"):
            assert attributes["href"][1:] in ids
        assert attributes.get("aria-labelledby", ids[0] if ids else None) in (*ids, None)
    headings = [int(tag[1]) for tag, _ in page.tags if tag in ("h1", "h2", "h3", "h4")]
    assert headings[0] == 1 and headings.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(headings, headings[1:], strict=False))
    return page
