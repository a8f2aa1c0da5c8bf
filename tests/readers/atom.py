"""The rules of Atom feeds, RFC 4287, as far as a program can hold them: https://www.rfc-editor.org/rfc/rfc4287"""

import re
from collections import Counter
from datetime import datetime
from xml.etree import ElementTree

ATOM = "{http://www.w3.org/2005/Atom}"
# Sections 4.1.1 and 4.1.2: the elements of a feed and of an entry, with the least and the most of each.
FEED = {
    "author": (0, None),
    "category": (0, None),
    "contributor": (0, None),
    "generator": (0, 1),
    "icon": (0, 1),
    "id": (1, 1),
    "link": (0, None),
    "logo": (0, 1),
    "rights": (0, 1),
    "subtitle": (0, 1),
    "title": (1, 1),
    "updated": (1, 1),
    "entry": (0, None),
}
ENTRY = {
    "author": (0, None),
    "category": (0, None),
    "content": (0, 1),
    "contributor": (0, None),
    "id": (1, 1),
    "link": (0, None),
    "published": (0, 1),
    "rights": (0, 1),
    "source": (0, 1),
    "summary": (0, 1),
    "title": (1, 1),
    "updated": (1, 1),
}
# Section 3.3: a date and time of RFC 3339, with upper-case T and Z.
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
# Section 4.2.6: an absolute IRI.
IRI = re.compile(r"[a-z][a-z0-9+.-]*:\S+")
# Section 3.1: a text of this type has no child elements.
PLAIN = {None, "text", "html"}


def violations(content: bytes) -> list[str]:
    """Returns what in a feed breaks the rules."""
    feed = ElementTree.fromstring(content)  # noqa: S314, the feeds are our own
    if feed.tag != f"{ATOM}feed":
        return [f"the document is a {feed.tag}"]
    found = list(children(feed, FEED))
    entries = feed.findall(f"{ATOM}entry")
    # A feed has an author unless each of its entries has one.
    for entry in entries if feed.find(f"{ATOM}author") is None else []:
        if entry.find(f"{ATOM}author") is None:
            found.append("an entry without an author")
    for entry in entries:
        found.extend(children(entry, ENTRY))
        alternate = [link for link in entry.findall(f"{ATOM}link") if link.get("rel", "alternate") == "alternate"]
        if entry.find(f"{ATOM}content") is None and not alternate:
            found.append("an entry with neither content nor a link to it")
    # Section 4.1.1: an entry that occurs twice has two times.
    twice = Counter((entry.findtext(f"{ATOM}id"), entry.findtext(f"{ATOM}updated")) for entry in entries)
    found.extend(f"the same entry twice: {one}" for one, times in twice.items() if times > 1)
    # Section 4.2.7.2: a feed states where it is.
    if not any(link.get("rel") == "self" for link in feed.findall(f"{ATOM}link")):
        found.append("no link to itself")
    return found


def children(element: ElementTree.Element, allowed: dict[str, tuple[int, int | None]]) -> list[str]:
    """Returns what is wrong with the elements of a feed or an entry."""
    names = Counter(child.tag.removeprefix(ATOM) for child in element)
    found = [f"{name} is not an element of {element.tag}" for name in names if name not in allowed]
    for name, (least, most) in allowed.items():
        if names[name] < least or (most is not None and names[name] > most):
            found.append(f"{names[name]} of {name} in {element.tag}")
    for child in element:
        name, text = child.tag.removeprefix(ATOM), child.text or ""
        if name in ("updated", "published"):
            if not TIME.fullmatch(text):
                found.append(f"{name} is {text!r}")
            else:
                datetime.fromisoformat(text)
        if name == "id" and not IRI.fullmatch(text):
            found.append(f"an id is {text!r}")
        if name in ("title", "summary", "subtitle", "rights") and (child.get("type") not in PLAIN or len(child)):
            found.append(f"{name} is not plain text")
        if name == "title" and not text.strip():
            found.append("an empty title")
        if name == "author" and not (child.findtext(f"{ATOM}name") or "").strip():
            found.append("an author without a name")
        if name == "link" and not child.get("href"):
            found.append("a link without an address")
    # Section 4.1.1: at most one alternate of each type and language.
    links = [link for link in element.findall(f"{ATOM}link") if link.get("rel", "alternate") == "alternate"]
    kinds = Counter((link.get("type"), link.get("hreflang")) for link in links)
    found.extend(f"{times} alternates of {kind}" for kind, times in kinds.items() if times > 1)
    return found
