"""The names that `--format` takes, and what it says in the help. Light: read before all else."""

from __future__ import annotations

DEFAULT_FORMAT = "combined"

COMBINED_NAMES = ("combined", "common")
"""One reader reads both, mixed or not."""

APACHE_PRESETS = {
    "vhost-combined": r'%v:%p %h %l %u %t "%r" %>s %O "%{Referer}i" "%{User-Agent}i"',
    "vhost-common": r'%v:%p %h %l %u %t "%r" %>s %O',
}
"""As Debian's `apache2.conf` and `other-vhosts-access-log.conf` have them, by our names."""

FORMAT_NAMES = (*COMBINED_NAMES, *APACHE_PRESETS)

FORMAT_HELP = (
    f"how lines are written: {', '.join(FORMAT_NAMES)}; or the format itself, as it stands in the "
    "server's configuration: nginx's log_format (with $variables) or Apache's LogFormat (with "
    "%directives)"
)
