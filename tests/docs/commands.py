"""The command lines of README and docs, and the files that they need."""

from __future__ import annotations

import gzip
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import attrs
import trustme

from actors.commands import registry
from glancemetrics.formats.presets import PRESETS
from glancemetrics.rules.stock import STOCK_RULES
from tests.waiting import Running

PROJECT = Path(__file__).parents[2]
DOCS = PROJECT / "docs"
PAGES = [PROJECT / "README.md", *sorted(DOCS.rglob("*.md"))]

_FORMATS = "docs/reference/formats/"

CANNOT_RUN = {
    "cp": "installs the service",
    "docker": "needs a Docker daemon",
    "journalctl": "needs systemd",
    "make": "installs things; tests/packaging tries the targets",
    "pip": "installs things; tests/packaging tries it",
    "pipx": "installs things",
    "python": "benchmarks take minutes",
    "python3": "installs things",
    "systemctl": "needs systemd",
    "usermod": "changes users of this machine",
    "uv": "installs things",
    "chmod": "tests/docs/test_recipes.py runs the script",
    "ln": "installs the service",
    "sysctl": "changes limits of this machine",
    "export": "sets a secret; tests/docs/test_recipes.py has one",
    "mkdir": "the folders exist",
    "read": "asks for a secret",
}
"""First words of lines that are not run, and why."""

SHELL = {"", "sh", "bash", "console"}
"""Kinds of code blocks that hold commands."""

STAND_INS = (
    (r"\bsudo ", ""),
    # What reads a log elsewhere: the log itself.
    (r"^(?:ssh|docker|kubectl|journalctl)\b[^|]*\|", "cat access.log |"),
    (r"^zcat old/\S+", "zcat access.log.2.gz"),
    (r"\| jq '[^']*'", "| cat"),
    # A server that does not exist.
    (r"tls://logs\.example\.org:6514", "udp://127.0.0.1:9"),
    # Nobody answers there; who follows or sends tries again.
    (r"rediss?://[^'\" ]*", "redis://127.0.0.1:9/0?fleet=prod"),
    # Each on a port of its own.
    (r"syslog\+(udp|tcp|tls)://[\d.]+:\d+", "syslog+unix:{root}/run/log.sock"),
    (r"--web\b(?!-)(?: (?:[\d.]+:)?\d+)?", "--web 127.0.0.1:0"),
    (r"^glancemetrics web-user", "echo a password | glancemetrics web-user"),
    # Half a minute for a week.
    (r"--duration 7d --rate 5", "--duration 7h --rate 5"),
    # Folders of the machine.
    (r"(?<![\w.~:/*-])/(var|etc|run|tmp)/", r"{root}/\1/"),
)
"""Patterns, and what is run in their place."""


@attrs.frozen
class Command:
    """A command line, and where it stands."""

    page: str
    line: str
    context: str
    """The text around its block."""

    @property
    def is_of_format(self) -> bool:
        """Whether it is the command on the page of a named format."""
        return self.page.startswith(_FORMATS) and not self.page.endswith("README.md")

    @property
    def arguments(self) -> list[str]:
        """The words after the program's name."""
        words = shlex.split(self.line.rpartition("| glancemetrics")[2] or self.line, comments=True)
        words = words[: next((i for i, word in enumerate(words) if word in {"|", ">", "<"}), None)]
        while words and words[0] in {"sudo", "glancemetrics"}:
            del words[0]
        return words

    @property
    def follows_for_ever(self) -> bool:
        """Whether it ends only when it is stopped."""
        words = self.arguments
        name = words[0] if words and registry.command_called(words[0]) else ""
        if name in {"demo", "agent"}:
            return True
        if name == "generate":
            return not {"--lines", "--duration"} & set(words)
        ends = {"--once", "-h", "--help", "-V", "--version"} & set(words)
        return not (name or ends or "| glancemetrics" in self.line)


def code_blocks(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield the language of each code block (empty: indented), its text, and what is around it."""
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        fence = re.match(r"```(\w*)", lines[at])
        begin = at
        if fence:
            at = next(i for i in range(at + 1, len(lines)) if lines[i].startswith("```")) + 1
            block, language = lines[begin + 1 : at - 1], fence[1]
        elif lines[at].startswith("    ") and (not at or not lines[at - 1].strip()):
            while at < len(lines) and (lines[at].startswith("    ") or not lines[at].strip()):
                at += 1
            block, language = [line[4:] for line in lines[begin:at]], ""
        else:
            at += 1
            continue
        yield language, "\n".join(block), " ".join(lines[max(0, begin - 6) : at + 4])


def lines_of(block: str) -> Iterator[str]:
    """Yield the command lines of a block: continued lines are one."""
    yield from (line for line in block.replace("\\\n", " ").splitlines() if line.strip())


def first_word(line: str) -> str:
    return next(word for word in line.split() if word != "sudo").rpartition("/")[2]


def names_us(line: str) -> bool:
    return re.search(r"(?<![\w/.-])glancemetrics(?![\w/.-])", line.partition(" #")[0]) is not None


def all_commands() -> list[Command]:
    """Return each command line once, in the order of the pages."""
    found: dict[tuple[str, str], Command] = {}
    for path in PAGES:
        page = path.relative_to(PROJECT).as_posix()
        for language, block, context in code_blocks(path.read_text(encoding="utf-8")):
            if language not in SHELL or block.startswith("#!"):
                continue
            for line in lines_of(block):
                if not names_us(line):
                    continue
                word = first_word(line)
                is_ours = word == "glancemetrics" or "| glancemetrics" in line
                if not is_ours:
                    assert word in CANNOT_RUN, f"{page}: {line}: not run, and not listed"
                    continue
                # The example of a format is another log on each page.
                key = page if page.startswith(_FORMATS) else ""
                found.setdefault((key, line), Command(page, line, context))
    return list(found.values())


# The world that commands run in.

NGINX = """\
events {}
http {
    log_format timed '$remote_addr - $remote_user [$time_local] "$request" '
                     '$status $body_bytes_sent "$http_referer" "$http_user_agent"';
    access_log /var/log/nginx/access.log timed;
}
"""
GOACCESS = (
    'log-format %h %^ %e [%d:%t %^] "%r" %s %b "%R" "%u"\ndate-format %d/%b/%Y\ntime-format %T\n'
)
CONFIG = STOCK_RULES + '\n[[notify]]\nname = "team"\nexec = ["/bin/true"]\n'
CLOCK = "[26/Nov/2026:10:05:03 +0000]"
LOGS = {
    "timed.log": f'192.0.2.7 {CLOCK} "GET /a HTTP/1.1" 200 0.012\n',
    "app.log": '26.11.2026 10:05:03 192.0.2.7 "GET /a HTTP/1.1" 200\n',
    "u_ex240505.log": "2026-11-26 10:05:03 192.0.2.7 GET /a 200\n",
}
"""Logs in a format of their own, by the names that the docs use."""
OTHER_LOGS = {
    "%D": f'192.0.2.7 - - {CLOCK} "GET /a HTTP/1.1" 200 512 1200\n',
    "%^[%d:%t %^]": f'192.0.2.7 - - {CLOCK} "GET /a HTTP/1.1" 200 512\n',
    "duration_ms": "2026-11-26T10:05:03Z 192.0.2.7 GET /a 200 12\n",
    "[$time_local] $status'": f"192.0.2.7 {CLOCK} 200\n",
    "request/headers": PRESETS["caddy"].example + "\n",
}
"""Lines for the formats that a command line names by this text."""


def make_world(root: Path) -> None:
    """Make the files that the docs name, and the state of a monitor that has read a log."""
    for folder in ("var/log/nginx", "etc/nginx", "run", "tmp", "var/lib/docker/containers/a",
                   "home/.config/fish/completions", "home/.zfunc"):  # fmt: skip
        (root / folder).mkdir(parents=True)
    program = [sys.executable, "-m", "glancemetrics"]
    log = root / "access.log"
    made = ["generate", "--fast", "--lines", "3000", "--rate", "5", "--seed", "1", "-o", str(log)]
    subprocess.run([*program, *made], check=True, env=environment(root))
    text = log.read_text(encoding="utf-8")
    for copy in ("access.log.1", "var/log/nginx/access.log", "var/log/nginx/access.log.1",
                 "var/log/nginx/shop.log", "tmp/access.log"):  # fmt: skip
        (root / copy).write_text(text, encoding="utf-8")
    (root / "access.log.2.gz").write_bytes(gzip.compress(text.encode()))
    cloudfront = PRESETS["aws-cloudfront"].example
    (root / "cloudfront.log.gz").write_bytes(gzip.compress(f"{cloudfront}\n".encode()))
    line = text.splitlines()[0].replace("\\", "\\\\").replace('"', '\\"')
    wrapped = f'{{"log":"{line}\\n","stream":"stdout","time":"2026-11-26T10:05:03.000000000Z"}}\n'
    (root / "var/lib/docker/containers/a/a-json.log").write_text(wrapped, encoding="utf-8")
    for name, lines in LOGS.items():
        (root / name).write_text(lines, encoding="utf-8")
    (root / "etc/nginx/nginx.conf").write_text(NGINX, encoding="utf-8")
    (root / "home/.goaccessrc").write_text(GOACCESS, encoding="utf-8")
    for name in ("my.toml", "config.toml", "etc/glancemetrics.toml"):
        (root / name).write_text(CONFIG, encoding="utf-8")
    _make_web_files(root)
    _keep_state(root, program, log)


def _make_web_files(root: Path) -> None:
    """Make the files of those who may look at the page, or send lines."""
    token = "0123456789abcdef0123456789abcdef"
    (root / "web-tokens").write_text(f"{token}\n", encoding="utf-8")
    (root / "senders.txt").write_text(f"web1 {token}\n", encoding="utf-8")
    hashed = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$Cz0yAq1l8Jk"
    (root / "web-users").write_text(f"bob:{hashed}\n", encoding="utf-8")
    made = trustme.CA().issue_cert("localhost")
    pem = made.private_key_pem.bytes() + b"".join(one.bytes() for one in made.cert_chain_pems)
    (root / "page.pem").write_bytes(pem)


def _keep_state(root: Path, program: list[str], log: Path) -> None:
    """Run a monitor until it has saved what it read."""
    state = root / "home/.local/state/glancemetrics"
    command = [*program, str(log)]
    with Running(command, env=environment(root), stderr=subprocess.DEVNULL) as monitor:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and not [*state.glob("*.history/*.arrow")]:
            time.sleep(0.1)
        monitor.send_signal(signal.SIGTERM)
        monitor.wait(30)
    for rule in ("Checkout*", "Server errors"):
        command = [*program, "silence", rule, "--for", "1h"]
        subprocess.run(command, check=True, env=environment(root), stdout=subprocess.DEVNULL)
    command = [*program, "acknowledge", "Server errors-20261126T100503Z"]
    subprocess.run(command, check=True, env=environment(root), stdout=subprocess.DEVNULL)
    shutil.copytree(state, root / "var/lib/glancemetrics")
    shutil.copy(state / "alerts.jsonl", root / "alerts.jsonl")
    shutil.copy(state / ".alerts.jsonl.head", root / ".alerts.jsonl.head")


def environment(root: Path) -> dict[str, str]:
    """Return variables under which nothing of this machine's own state is used."""
    return {
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(root / "home"),
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "SLACK_HOOK": "http://127.0.0.1:9/",
    }
