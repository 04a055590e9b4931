"""Self-contained HTML pages from templates; whatever is filled in is escaped."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from alframe.storage import whole_file


def write_page(path: Path, template: str, **content: object) -> None:
    """Fill ``templates/<template>.html.jinja`` with ``content`` and write it to ``path``, whole."""
    environment = Environment(
        loader=PackageLoader("alframe.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(percent=percent, duration=duration, count=count)
    page = environment.get_template(f"{template}.html.jinja").render(content)
    with whole_file(path) as unfinished:
        unfinished.write_text(page, encoding="utf-8")


def percent(share: float, digits: int = 1) -> str:
    """A share of one as a percentage.

    >>> percent(0.9512), percent(0.46, 0)
    ('95.1 %', '46 %')
    """
    return f"{share * 100:.{digits}f} %"


def duration(seconds: float) -> str:
    """A time in the unit that suits it.

    >>> duration(0.42), duration(75), duration(7260)
    ('0.42 s', '1 min 15 s', '2 h 01 min')
    """
    if seconds < 60:
        return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def count(number: int, noun: str) -> str:
    """A number with its noun.

    >>> count(1, "seed"), count(3, "seed")
    ('1 seed', '3 seeds')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
