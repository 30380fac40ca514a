"""All pages: links lead somewhere, every page can be found, nothing is shown that belongs to somebody."""

import re

_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_NUMBER = re.compile(r"\+\d[\d ]{7,}\d")
_FICTION = re.compile(r"\+1\d{3}55501\d\d|\+447700900\d{3}")


def anchors(text: str) -> set[str]:
    """The fragments that headings have on the usual hosts."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in _HEADING.findall(text)}


def test_every_link_leads_somewhere(pages) -> None:
    broken = []
    for page in pages:
        for link in _LINK.findall(page.prose()):
            if link.startswith(("http://", "https://", "mailto:")):
                continue
            name, _, fragment = link.partition("#")
            target = (page.path.parent / name) if name else page.path
            if not target.exists() or (fragment and fragment not in anchors(target.read_text("utf-8"))):
                broken.append(f"{page.path.name}: {link}")
    assert broken == []


def test_every_page_is_listed(page, pages, root) -> None:
    index, decisions = page("docs/index.md"), page("docs/decisions/README.md")
    linked = {(listing.path.parent / link).resolve() for listing in (index, decisions) for link in _LINK.findall(listing.text)}
    docs = {each.path for each in pages if (root / "docs") in each.path.parents} - {index.path}
    assert sorted(str(path.relative_to(root)) for path in docs - linked) == []


def test_numbers_belong_to_nobody(pages) -> None:
    found = {number.replace(" ", "") for page in pages for number in _NUMBER.findall(page.text)}
    assert {number for number in found if not _FICTION.fullmatch(number)} == set()


def test_pictures_are_small(root) -> None:
    assert {path.name for path in (root / "docs/images").iterdir() if path.stat().st_size > 400_000} == set()


def test_pages_name_only_files_that_are_there(pages, root) -> None:
    """Paths of the source, such as `runtime/turn.py` or `tests/crash`, as prose names them."""
    named = re.compile(r"`((?:edge|runtime|flow|channels|stores|model)/[\w/]+\.py|tests/[\w/.]+)`")
    missing = [
        f"{page.path.name}: {name}"
        for page in pages
        for name in named.findall(page.prose())
        if not (root / name).exists() and not (root / "framework/vaiven" / name).exists()
    ]
    assert missing == []
