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
    "format of the log: auto (detected), a name (`glancemetrics formats` lists them), nginx's "
    "log_format, Apache's LogFormat, GoAccess's log-format, a W3C #Fields: line, or a regular "
    "expression with named groups"
)
FORMAT_FROM_HELP = "take the format from the server's nginx.conf, or from a goaccess.conf"
DATE_FORMAT_HELP = (
    "meaning of %d in GoAccess's log-format, or of the group time in a regular expression, as in "
    "strftime(3)"
)
TIME_FORMAT_HELP = "meaning of %t in GoAccess's log-format"
TIME_ZONE_HELP = (
    "time zone of logs that do not name theirs, such as HAProxy's: Europe/Paris, UTC or local"
)
TRUSTED_HELP = (
    "trust X-Forwarded-For and Forwarded from this address or network, such as 10.0.0.0/8; "
    "repeatable"
)
GROUP_PATH_HELP = (
    "count paths together: '/users/*' (* is one segment, ** any rest), or auto, which turns "
    "numbers, UUIDs and hashes into {id}; repeatable"
)
KEEP_HELP = (
    "extra fields to keep, by their names in the log: upstream_cache_status,cs(Cookie); repeatable"
)
DURATION_UNIT_HELP = (
    "unit of response times that the log does not tell: us, ms or s; without it, such times are "
    "ignored"
)
