"""Formats whose lines are names and values: LTSV and logfmt.

Sources: http://ltsv.org/ (labeled tab-separated values); https://brandur.org/logfmt and
https://pkg.go.dev/log/slog#TextHandler. Lines are rewritten as JSON objects and read as such, so a
name means the same in all three.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import attrs
import pyarrow as pa

from glancemetrics.arrow import compute as pc
from glancemetrics.formats.json_lines import JsonFormat
from glancemetrics.formats.lines import lines_of
from glancemetrics.formats.log_format import UNKNOWN, Decoded, LineContext


@attrs.frozen(eq=False)
class PairsFormat:
    """A format of names and values."""

    objects: JsonFormat
    """The JSON format that maps names to fields."""
    rewrite: Callable[[pa.StringArray], pa.StringArray]
    """Rewrites lines as JSON objects; of other lines only the newline is left."""
    notation: str
    separator: bytes
    """The separator between a name and its value."""
    like: str
    """Pattern (RE2) of rejected lines that are broken requests."""

    directives = ()
    keepable = None

    @property
    def name(self) -> str:
        """The name of the format."""
        return self.objects.name

    @property
    def expected(self) -> str:
        """Completes "no line is ...": `in the haproxy format`."""
        return f"in the {self.name} format ({self.notation})"

    def decode(self, chunk: bytes | memoryview, context: LineContext = UNKNOWN, /) -> Decoded:
        """Decode a chunk of whole lines, each ended by a newline."""
        return self.objects.decode_lines(self.rewrite(lines_of(chunk)), context)

    def may_explain(self, chunk: bytes) -> bool:
        """Check quickly whether any line may be a request."""
        return self.separator in chunk and self.objects.may_have_keys(chunk)

    def unused_keys(self, line: str) -> list[str]:
        """Return the names in a line that the format does not use."""
        return [key for key in self.objects.unused_keys(self._rewritten(line)) if key]

    def explain(self, line: bytes) -> str:
        """Explain in one clause why a line was rejected."""
        text = line.decode("utf-8", "backslashreplace").rstrip("\r\n")
        if not text.strip():
            return "the line is empty"
        rewritten = self._rewritten(text)
        if not rewritten:
            return f"expected {self.notation}"
        return self.objects.explain(rewritten.encode())

    def _rewritten(self, line: str) -> str:
        text: str = self.rewrite(pa.array([f"{line}\n"]))[0].as_py()
        return text.rstrip("\n")


_LABEL = r"[0-9A-Za-z_.@-]+"
LTSV_LINE = rf"^{_LABEL}:[^\t\n]*(?:\t+{_LABEL}:[^\t\n]*)+[\t\r ]*\n$"


def from_ltsv(lines: pa.StringArray) -> pa.StringArray:
    """Rewrite LTSV lines as objects; the time may be in brackets."""
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
    """Rewrite logfmt lines as objects; names without a value are omitted."""
    fits = pc.match_substring_regex(lines, LOGFMT_LINE)
    members = pc.replace_substring_regex(
        pc.replace_substring_regex(lines, r"^ *|[\r ]*\n$", ""),
        rf'(?:({_KEY})=(?:"([^"]*)"|([^\s"]*))|{_BARE})(?: +|$)',
        r',"\1":"\2\3"',
    )
    # RE2 cannot keep the escapes of quoted values and escape the other values.
    odd = pc.and_(pc.match_substring(lines, "\\"), fits)
    if pc.any(odd).as_py():
        texts = pc.filter(lines, odd).to_pylist()
        members = pc.replace_with_mask(members, odd, pa.array(list(map(_members, texts))))
    return _objects(members, fits)


def _members(line: str) -> str:
    members = []
    for key, quoted, bare in _PAIR.findall(line):
        # Escapes of Go's `%q` that JSON has too are decoded; the others stay.
        value = quoted or bare.replace("\\", "\\\\")
        escaped_key = key.replace("\\", "\\\\")
        members.append(f',"{escaped_key}":"{value}"')
    return "".join(members)


def _objects(members: pa.StringArray, fits: pa.BooleanArray) -> pa.StringArray:
    inside = pc.replace_substring_regex(members, "^,", "")
    whole = pc.binary_join_element_wise("{", inside, "}\n", "")
    return pc.if_else(fits, whole, "\n")
