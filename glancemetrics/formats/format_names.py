"""The names that `--format` takes, and what it says in the help. Light: read before all else."""

from __future__ import annotations

AUTO = "auto"
"""Each log's own is detected."""

FORMAT_NAMES = (
    *("combined", "common", "combinedio", "ssl-request", "vhost-combined", "vhost-common"),
    *("vhost-first", "lighttpd", "tomcat", "gunicorn", "uvicorn", "nginx-proxy-manager"),
    *("ingress-nginx", "iis", "iis-native", "oracle-web-cache", "tomcat-json", "uwsgi", "django"),
    *("werkzeug", "morgan", "haproxy", "haproxy-clf", "traefik", "traefik-json", "caddy"),
    *("envoy", "istio", "envoy-json", "squid", "varnish", "aws-alb", "aws-elb", "aws-cloudfront"),
    *("aws-s3", "aws-api-gateway", "google-lb", "cloudflare", "fastly", "azure-front-door"),
    *("azure-app-gateway", "vercel", "ltsv", "heroku", "lograge", "logfmt", "ecs", "json"),
)

FORMAT_HELP = (
    "how lines are written: auto (detected), a name (`glancemetrics formats` lists them), or the "
    "format itself: nginx's log_format, Apache's LogFormat, GoAccess's log-format, W3C's #Fields: "
    "line, or a regular expression with named groups"
)
FORMAT_FROM_HELP = (
    "the configuration that says how lines are written: an nginx.conf, of which the log_format is "
    "taken that the log has there, or a goaccess.conf"
)
DATE_FORMAT_HELP = (
    "of GoAccess's log-format: what its %d is; of a regular expression: how its group time is "
    "written, as in strftime(3)"
)
TIME_FORMAT_HELP = "of GoAccess's log-format: what its %t is"

TIME_ZONE_HELP = (
    "zone of times in logs that name none, as HAProxy's: Europe/Paris, UTC, or local, this "
    "machine's (default: local)"
)
TRUSTED_HELP = (
    "a proxy that is believed when it says whom it asks for (X-Forwarded-For, Forwarded): an "
    "address or a network; repeatable"
)
GROUP_PATH_HELP = (
    "count paths together: '/users/*' (a star is one segment, ** any rest), or auto, by which "
    "numbers, UUIDs and hashes become {id}; repeatable"
)
KEEP_HELP = (
    "fields to keep as text beside the usual columns, by the names that the log or its format "
    "has for them: upstream_cache_status,cs(Cookie); repeatable"
)
DURATION_UNIT_HELP = (
    "unit of response times that do not show theirs, such as a whole number at the end of a line: "
    "us, ms or s (default: left out)"
)
