"""Starts real servers on loopback, each with an access log as it writes it by default."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs

from glancemetrics.formats.presets import PRESETS
from tests.conftest import needs
from tests.waiting import Running, free_port, until_listening

USER, PASSWORD = "two words", "secret"


@attrs.frozen
class Server:
    """One that runs."""

    port: int
    log: Path
    before_path: str = ""
    """What paths are asked for with, as forward proxies are."""


@contextmanager
def _running(*command: str, port: int, folder: Path, **more: object) -> Iterator[None]:
    with (
        (folder / "output.txt").open("wb") as output,
        Running(
            command,
            stdout=more.pop("stdout", output),  # type: ignore[call-overload]
            stderr=subprocess.STDOUT,
            cwd=folder,
            **more,
        ) as process,
    ):
        try:
            until_listening(port, Path(command[0]).name, 40)
            yield
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(15)
            if process.poll() is None:
                process.kill()


def _write(path: Path, text: str, **values: object) -> Path:
    text = textwrap.dedent(text)
    for name, value in values.items():
        text = text.replace(f"@{name}@", str(value))
    path.write_text(text, encoding="utf-8")
    return path


def _nginx(folder: Path, log_format: str, statement: str = "") -> Iterator[Server]:
    needs("nginx")
    port = free_port()
    config = _write(
        folder / "nginx.conf",
        """
        pid @folder@/pid; error_log @folder@/error.log; daemon off; events {}
        http {
            client_body_temp_path @folder@/body; proxy_temp_path @folder@/proxy;
            fastcgi_temp_path @folder@/fastcgi; uwsgi_temp_path @folder@/uwsgi;
            scgi_temp_path @folder@/scgi;
            @statement@
            access_log @folder@/access.log @log_format@;
            server {
                listen 127.0.0.1:@port@; listen [::1]:@port@;
                location / { return 200 "ok"; }
            }
        }
        """,
        folder=folder,
        port=port,
        log_format=log_format,
        statement=statement,
    )
    with _running(
        *("nginx", "-e", str(folder / "start.log"), "-c", str(config)), port=port, folder=folder
    ):
        yield Server(port, folder / "access.log")


def nginx(folder: Path) -> Iterator[Server]:
    yield from _nginx(folder, "combined")


def nginx_json(folder: Path) -> Iterator[Server]:
    yield from _nginx(
        folder,
        "fields",
        """log_format fields escape=json '{"at":"$msec","time":"$time_iso8601",'
           '"remote_addr":"$remote_addr","remote_user":"$remote_user","request":"$request",'
           '"status":$status,"body_bytes_sent":$body_bytes_sent,"request_time":$request_time,'
           '"http_user_agent":"$http_user_agent"}';""",
    )


def nginx_timed(folder: Path) -> Iterator[Server]:
    yield from _nginx(
        folder,
        "timed",
        """log_format timed '$remote_addr - $remote_user [$time_local] "$request" $status '
           '$body_bytes_sent "$http_referer" "$http_user_agent" $request_time '
           '"$http_x_forwarded_for"';""",
    )


def apache(folder: Path) -> Iterator[Server]:
    needs("apache2")
    port = free_port()
    digest = base64.b64encode(hashlib.sha1(PASSWORD.encode()).digest()).decode()
    (folder / "passwords").write_text(f"{USER}:{{SHA}}{digest}\n")
    (folder / "site" / "private").mkdir(parents=True)
    (folder / "site" / "index.html").write_text("ok")
    (folder / "site" / "private" / "index.html").write_text("ok")
    config = _write(
        folder / "apache.conf",
        r"""
        ServerRoot @folder@
        ServerName localhost
        PidFile @folder@/pid
        ErrorLog @folder@/error.log
        Listen 127.0.0.1:@port@
        Listen [::1]:@port@
        LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
        LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
        LoadModule authz_user_module /usr/lib/apache2/modules/mod_authz_user.so
        LoadModule authn_core_module /usr/lib/apache2/modules/mod_authn_core.so
        LoadModule authn_file_module /usr/lib/apache2/modules/mod_authn_file.so
        LoadModule auth_basic_module /usr/lib/apache2/modules/mod_auth_basic.so
        LoadModule dir_module /usr/lib/apache2/modules/mod_dir.so
        DocumentRoot @folder@/site
        DirectoryIndex index.html
        CustomLog @folder@/access.log "@log_format@"
        <Directory @folder@/site/private>
            AuthType Basic
            AuthName private
            AuthUserFile @folder@/passwords
            Require valid-user
        </Directory>
        """,
        folder=folder,
        port=port,
        log_format=PRESETS["vhost-combined"].configuration.split('"', 1)[1].rpartition('"')[0],
    )
    with _running("apache2", "-DFOREGROUND", "-f", str(config), port=port, folder=folder):
        yield Server(port, folder / "access.log")


def lighttpd(folder: Path) -> Iterator[Server]:
    needs("lighttpd")
    port = free_port()
    (folder / "site").mkdir()
    (folder / "site" / "index.html").write_text("ok")
    (folder / "passwords").write_text(f"{USER}:{PASSWORD}\n")
    config = _write(
        folder / "lighttpd.conf",
        """
        server.document-root = "@folder@/site"
        server.port = @port@
        server.bind = "127.0.0.1"
        $SERVER["socket"] == "[::1]:@port@" { }
        index-file.names = ("index.html")
        server.modules = ("mod_accesslog", "mod_auth", "mod_authn_file")
        accesslog.filename = "@folder@/access.log"
        auth.backend = "plain"
        auth.backend.plain.userfile = "@folder@/passwords"
        auth.require = ("/private" =>
            ("method" => "basic", "realm" => "private", "require" => "valid-user"))
        """,
        folder=folder,
        port=port,
    )
    with _running("lighttpd", "-D", "-f", str(config), port=port, folder=folder):
        yield Server(port, folder / "access.log")


@contextmanager
def _backend(folder: Path) -> Iterator[int]:
    """Run a plain server of files behind a proxy."""
    port = free_port()
    site = folder / "site"
    site.mkdir()
    (site / "index.html").write_text("ok")
    command = (sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1")
    with (
        (folder / "backend.txt").open("wb") as output,
        _running(*command, "-d", str(site), port=port, folder=folder, stdout=output),
    ):
        yield port


def _haproxy(folder: Path, log_format: str) -> Iterator[Server]:
    needs("haproxy")
    port = free_port()
    with _backend(folder) as behind:
        config = _write(
            folder / "haproxy.cfg",
            """
            global
                log stdout format @log_format@ local0
            defaults
                mode http
                log global
                option httplog
                timeout connect 5s
                timeout client 5s
                timeout server 5s
            frontend web
                bind 127.0.0.1:@port@
                bind [::1]:@port@
                capture request header User-Agent len 64
                default_backend app
            backend app
                server app1 127.0.0.1:@behind@
            """,
            port=port,
            behind=behind,
            log_format=log_format,
        )
        with (
            (folder / "access.log").open("wb") as log,
            _running("haproxy", "-db", "-f", str(config), port=port, folder=folder, stdout=log),
        ):
            yield Server(port, folder / "access.log")


def haproxy(folder: Path) -> Iterator[Server]:
    yield from _haproxy(folder, "raw")


def haproxy_syslog(folder: Path) -> Iterator[Server]:
    yield from _haproxy(folder, "rfc3164")


def haproxy_syslog_5424(folder: Path) -> Iterator[Server]:
    yield from _haproxy(folder, "rfc5424")


def varnish(folder: Path) -> Iterator[Server]:
    needs("varnishd", "varnishncsa", "gcc")
    port = free_port()
    with _backend(folder) as behind:
        instance = folder / "varnish"
        command = ("varnishd", "-F", "-n", str(instance), "-a", f"127.0.0.1:{port}")
        command += ("-a", f"[::1]:{port}", "-b", f"127.0.0.1:{behind}", "-j", "none")
        with (
            _running(*command, "-s", "malloc,16M", port=port, folder=folder),
            subprocess.Popen(
                ["varnishncsa", "-n", str(instance), "-w", str(folder / "access.log")],
                cwd=folder,
            ) as writer,
        ):
            time.sleep(1)  # it says nowhere when it has begun to listen
            yield Server(port, folder / "access.log")
            writer.terminate()


def squid(folder: Path) -> Iterator[Server]:
    needs("squid")
    port = free_port()
    # As root it becomes another user, who may not look into the folders of tests.
    with tempfile.TemporaryDirectory() as open_folder, _backend(folder) as behind:
        Path(open_folder).chmod(0o777)
        config = _write(
            folder / "squid.conf",
            """
            http_port 127.0.0.1:@port@
            http_port [::1]:@port@
            cache deny all
            strip_query_terms off
            http_access allow all
            access_log stdio:@folder@/access.log squid
            cache_log @folder@/cache.log
            pid_filename @folder@/pid
            coredump_dir @folder@
            shutdown_lifetime 1 seconds
            """,
            folder=open_folder,
            port=port,
        )
        command = ("squid", "-N", "-n", f"web{port}", "-f", str(config))
        with _running(*command, port=port, folder=folder):
            yield Server(port, Path(open_folder) / "access.log", f"http://127.0.0.1:{behind}")


def caddy(folder: Path) -> Iterator[Server]:
    needs("caddy")
    port = free_port()
    config = _write(
        folder / "Caddyfile",
        """
        {
            admin off
            auto_https off
        }
        http://:@port@ {
            bind 127.0.0.1 ::1
            log {
                output file @folder@/access.log
            }
            respond "ok"
        }
        """,
        folder=folder,
        port=port,
    )
    environment = {**os.environ, "HOME": str(folder), "XDG_DATA_HOME": str(folder)}
    command = ("caddy", "run", "--config", str(config), "--adapter", "caddyfile")
    with _running(*command, port=port, folder=folder, env=environment):
        yield Server(port, folder / "access.log")


def tomcat(folder: Path) -> Iterator[Server]:
    home = Path("/usr/share/tomcat10")
    needs("java")
    if not home.exists():
        needs("tomcat10")
    port = free_port()
    for name in ("conf", "logs", "temp", "work", "webapps/ROOT"):
        (folder / name).mkdir(parents=True)
    (folder / "webapps" / "ROOT" / "index.html").write_text("ok")
    _write(
        folder / "conf" / "server.xml",
        """
        <Server port="-1"><Service name="Catalina">
        <Connector port="@port@" address="127.0.0.1" protocol="HTTP/1.1" />
        <Connector port="@port@" address="::1" protocol="HTTP/1.1" />
        <Engine name="Catalina" defaultHost="localhost">
        <Host name="localhost" appBase="webapps">
        <Valve className="org.apache.catalina.valves.AccessLogValve" directory="logs"
               prefix="access" suffix=".log" pattern="common" rotatable="false" />
        </Host></Engine></Service></Server>
        """,
        port=port,
    )
    (folder / "conf" / "web.xml").write_text((home / "etc" / "web.xml").read_text())
    environment = {**os.environ, "CATALINA_BASE": str(folder), "CATALINA_HOME": str(home)}
    command = (str(home / "bin" / "catalina.sh"), "run")
    with _running(*command, port=port, folder=folder, env=environment):
        yield Server(port, folder / "logs" / "access.log")


def gunicorn(folder: Path) -> Iterator[Server]:
    port = free_port()
    (folder / "app.py").write_text(
        "def app(environ, start):\n"
        "    start('200 OK', [('Content-Length', '2')])\n"
        "    return [b'ok']\n"
    )
    command = (sys.executable, "-m", "gunicorn", "-b", f"127.0.0.1:{port}", "-b", f"[::1]:{port}")
    log = folder / "access.log"
    with _running(*command, "--access-logfile", str(log), "app:app", port=port, folder=folder):
        yield Server(port, log)


def uvicorn(folder: Path) -> Iterator[Server]:
    port = free_port()
    (folder / "app.py").write_text(
        "async def app(scope, receive, send):\n"
        "    assert scope['type'] == 'http'\n"
        "    await send({'type': 'http.response.start', 'status': 200, 'headers': []})\n"
        "    await send({'type': 'http.response.body', 'body': b'ok'})\n"
    )
    command = (sys.executable, "-m", "uvicorn", "--host", "127.0.0.1", "--port", str(port))
    with (
        (folder / "access.log").open("wb") as log,
        _running(*command, "--lifespan", "off", "app:app", port=port, folder=folder, stdout=log),
    ):
        yield Server(port, folder / "access.log")


SERVERS: dict[str, Callable[[Path], Iterator[Server]]] = {
    starter.__name__: starter
    for starter in (
        *(nginx, nginx_json, nginx_timed, apache, lighttpd, haproxy, haproxy_syslog),
        *(haproxy_syslog_5424, varnish, squid, caddy, tomcat, gunicorn, uvicorn),
    )
}
