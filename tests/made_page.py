"""A page as a test reads it: its elements, its text, and what it would load."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"meta", "img", "br", "link", "input", "hr"}
# What may run, load or send, had it found its way into a page.
# The documents that evaluate writes beside a report, and that it names.
BESIDE = ("model_card.md", "checklist.md", "checklist.html")
ACTIVE = {"script", "iframe", "object", "embed", "link", "base", "form", "video", "audio", "image"}


class Page(HTMLParser):
    """A parsed page.

    Attributes:
        tags: every element's name, in order.
        attributes: (tag, name, value) of every attribute.
        text: all text outside styles, blanks collapsed.
    """

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self._text: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert not self._open, f"never closed: {self._open}"
        self.text = " ".join(" ".join(self._text).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self._open:
            self._text.append(data)

    def values(self, name: str) -> list[str]:
        """Every value of an attribute."""
        return [value for _, key, value in self.attributes if key == name]

    def require_alone(self) -> None:
        """Assert that the page loads nothing, runs nothing and sends nothing."""
        assert not ACTIVE & set(self.tags), ACTIVE & set(self.tags)
        for tag, name, value in self.attributes:
            assert not name.startswith("on"), (tag, name)
            if name in ("src", "href", "xlink:href", "action", "srcset", "poster", "data"):
                own = ("data:image/png;base64,", "data:image/jpeg;base64,", "#")
                beside = tag == "a" and value in BESIDE  # a link loads nothing by itself
                assert beside or value.startswith(own), (tag, name, value[:80])
            assert "url(" not in value or "url(#" in value, (tag, name, value[:80])
        (policy,) = (v for v in self.values("content") if "default-src" in v)
        assert policy.startswith("default-src 'none'; ")
        assert "http" not in policy

    def require_own_ids(self) -> None:
        """Assert that ids are unique and that every reference finds its id."""
        ids = self.values("id")
        assert len(ids) == len(set(ids))
        wanted = {value[1:] for value in self.values("href") if value.startswith("#")}
        for value in self.values("clip-path"):
            wanted.add(value.removeprefix("url(#").removesuffix(")"))
        assert wanted <= set(ids), wanted - set(ids)
