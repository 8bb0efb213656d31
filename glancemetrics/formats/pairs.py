"""Formats of which each line is a row of names and values: LTSV, and logfmt.

Sources: http://ltsv.org/ (labeled tab-separated values); https://brandur.org/logfmt and
https://pkg.go.dev/log/slog#TextHandler. Lines are put down anew as JSON objects, and read as
such: so a name means the same in all three.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import attrs
import pyarrow as pa
import pyarrow.compute as pc

from glancemetrics.formats.json_lines import JsonFormat
from glancemetrics.formats.lines import lines_of
from glancemetrics.formats.log_format import UNKNOWN, Decoded, LineContext


@attrs.frozen(eq=False)
class PairsFormat:
    """A format of names and values."""

    objects: JsonFormat
    """What the names mean."""
    rewrite: Callable[[pa.StringArray], pa.StringArray]
    """Put lines down as objects; of what is no row of pairs nothing but its newline is left."""
    notation: str
    separator: bytes
    """Stands between a name and its value."""
    like: str
    """Lines that it rejects look so (RE2), if they are broken requests."""

    directives = ()
    keepable = None

    @property
    def name(self) -> str:
        """What it is called."""
        return self.objects.name

    @property
    def expected(self) -> str:
        """What a line should be, as a noun."""
        return f"a line of the {self.name} format ({self.notation})"

    def decode(self, chunk: bytes | memoryview, context: LineContext = UNKNOWN, /) -> Decoded:
        """Decode a chunk of whole lines, each ended by a newline."""
        return self.objects.decode_lines(self.rewrite(lines_of(chunk)), context)

    def may_explain(self, chunk: bytes) -> bool:
        """Tell whether any line may be a request, at a glance."""
        return self.separator in chunk and self.objects.may_have_keys(chunk)

    def unused_keys(self, line: str) -> list[str]:
        """Return the names in a line that mean nothing here."""
        return [key for key in self.objects.unused_keys(self._rewritten(line)) if key]

    def explain(self, line: bytes) -> str:
        """Say in one clause why a rejected line is no record."""
        text = line.decode("utf-8", "backslashreplace").rstrip("\r\n")
        if not text.strip():
            return "the line is empty"
        rewritten = self._rewritten(text)
        if not rewritten:
            return f"the line is not in {self.notation}"
        return self.objects.explain(rewritten.encode())

    def _rewritten(self, line: str) -> str:
        text: str = self.rewrite(pa.array([f"{line}\n"]))[0].as_py()
        return text.rstrip("\n")


_LABEL = r"[0-9A-Za-z_.@-]+"
LTSV_LINE = rf"^{_LABEL}:[^\t\n]*(?:\t+{_LABEL}:[^\t\n]*)+[\t\r ]*\n$"


def from_ltsv(lines: pa.StringArray) -> pa.StringArray:
    """Put lines of LTSV down as objects; a time may stand in brackets."""
    bare = pc.replace_substring_regex(lines, r"[\t\r ]*\n$", "")
    if pc.any(pc.match_substring_regex(bare, r'["\\]')).as_py():
        bare = pc.replace_substring_regex(bare, r'(["\\])', r"\\\1")
    bare = pc.replace_substring_regex(bare, r"(^|\t)time:\[([^\]\t]*)\]", r"\1time:\2")
    members = pc.replace_substring_regex(bare, rf"(?:^|\t+)({_LABEL}):([^\t]*)", r',"\1":"\2"')
    return _objects(members, pc.match_substring_regex(lines, LTSV_LINE))


_KEY = r'[A-Za-z_@][^\s="]*'
_BARE = r"[A-Za-z_@][\w.@/-]*"
_QUOTED = r'"((?:[^"\\]|\\.)*)"'
LOGFMT_LINE = (
    rf'^ *(?:{_BARE} +)*{_KEY}=(?:"(?:[^"\\]|\\.)*"|[^\s"]*)'
    rf'(?: +(?:{_KEY}=(?:"(?:[^"\\]|\\.)*"|[^\s"]*)|{_BARE}))*[\r ]*\n$'
)
_PAIR = re.compile(rf'(?:^|(?<= ))({_KEY})(?:=(?:{_QUOTED}|([^\s"]*)))?')


def from_logfmt(lines: pa.StringArray) -> pa.StringArray:
    """Put lines of logfmt down as objects; a name without a value is left out."""
    fits = pc.match_substring_regex(lines, LOGFMT_LINE)
    members = pc.replace_substring_regex(
        pc.replace_substring_regex(lines, r"^ *|[\r ]*\n$", ""),
        rf'(?:({_KEY})=(?:"([^"]*)"|([^\s"]*))|{_BARE})(?: +|$)',
        r',"\1":"\2\3"',
    )
    # RE2 cannot leave the escapes of quoted values as they are, and escape the others.
    odd = pc.and_(pc.match_substring(lines, "\\"), fits)
    if pc.any(odd).as_py():
        texts = lines.filter(odd).to_pylist()
        members = pc.replace_with_mask(members, odd, pa.array(list(map(_members, texts))))
    return _objects(members, fits)


def _members(line: str) -> str:
    members = []
    for key, quoted, bare in _PAIR.findall(line):
        # The escapes of Go's `%q` are those of JSON, or stay as they are.
        value = quoted or bare.replace("\\", "\\\\")
        escaped_key = key.replace("\\", "\\\\")
        members.append(f',"{escaped_key}":"{value}"')
    return "".join(members)


def _objects(members: pa.StringArray, fits: pa.BooleanArray) -> pa.StringArray:
    inside = pc.replace_substring_regex(members, "^,", "")
    whole = pc.binary_join_element_wise("{", inside, "}\n", "")
    return pc.if_else(fits, whole, "\n")
