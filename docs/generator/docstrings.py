"""The library's docstrings, plain text with `code` in backticks, as reStructuredText.

Two rules of reStructuredText get in the way of plain text: a code span is two backticks wide, and
signs such as `*` and `|` are markup. Both are settled here, once, so that a docstring need not know
how it will be printed. Napoleon is not used: it reads a colon within `Returns:` as a type.
"""

import inspect
import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType, ModuleType
from typing import Any

from generator.coverage import public_names

_FIELDS = {"Args": "param", "Raises": "raises", "Attributes": "ivar"}
_SECTION = re.compile(r"(Args|Raises|Attributes|Returns|Yields|Example|Examples):$")
_ITEM = re.compile(r"(\*{0,2}\w+): (.*)")
_LABEL = re.compile(r"(Input shape|Output shape|Source): ")
_CODE = re.compile(r"`([^`]+)`")
_PUBLISHED = re.compile(r"arXiv:(?P<arxiv>\d{4}\.\d{4,5})|(?P<doi>10\.\d{4,}/[^\s,;]+[^\s,;.])")


_NONE: Mapping[str, str] = MappingProxyType({})


def to_rst(lines: list[str], linked: Mapping[str, str] = _NONE) -> list[str]:
    """The docstring `lines` as reStructuredText; code spans that are in `linked` become links to what is there."""
    result: list[str] = []
    section = ""
    code = False
    for line in lines:
        header = _SECTION.match(line)
        if line.lstrip().startswith(">>>"):
            if not code:
                result.append("")
            code = True
        elif not line.strip():
            code = False
        if code:
            result.append(line)
        elif header:
            section = header[1]
            result += ["", f".. rubric:: {section}", ""] if section.startswith("Example") else [""]
        elif section in _FIELDS and line.startswith("    ") and (item := _ITEM.match(line[4:])):
            name = item[1].replace("*", r"\*")
            result.append(f":{_FIELDS[section]} {name}: {inline(item[2], linked)}")
        elif section in ("Returns", "Yields") and line.startswith("    "):
            start = f":{section.lower()}: " if not result[-1] else "    "
            result.append(start + inline(line.strip(), linked))
        else:
            if line.strip() and not line.startswith(" "):
                section = ""
            if label := _LABEL.match(line):
                result += ["", f"**{label[1]}:** {inline(line[label.end() :], linked)}"]
            else:
                result.append(inline(line, linked))
    return [*result, ""]


def linked_from(obj: Any, package: ModuleType) -> dict[str, str]:
    """The names of the package that a mention in the docstring of `obj` means: not its own, nor its arguments'."""
    error = isinstance(obj, type) and issubclass(obj, Exception)  # which has no signature
    arguments = inspect.signature(obj).parameters if callable(obj) and not error else ()
    own = {*arguments, getattr(obj, "__name__", "")}
    public = {full.rpartition(".")[2]: full for full in public_names(package)}
    return {name: full for name, full in public.items() if name not in own}


def inline(text: str, linked: Mapping[str, str] = _NONE) -> str:
    """A line of plain text with `code` and publications, as reStructuredText."""
    return "".join(_inline(text, linked))


def _inline(text: str, linked: Mapping[str, str]) -> Iterator[str]:
    for index, part in enumerate(_CODE.split(text)):
        if index % 2 == 0:
            if index and part[:1].isalnum():
                yield "\\ "  # markup ends there, as in the plural of a name
            yield _PUBLISHED.sub(_link, re.sub(r"([\\*|_])", r"\\\1", part))
            continue
        name = part.removeprefix("keras_acts.")
        yield f":py:obj:`{part} <{linked[name]}>`" if name in linked else f"``{part}``"


def _link(match: re.Match[str]) -> str:
    text = match[0]
    address = (
        f"https://arxiv.org/abs/{match['arxiv']}" if match["arxiv"] else f"https://doi.org/{text}".replace("\\", "")
    )
    return f"`{text} <{address}>`__"
