"""Names of formats, and help texts of options. Imports nothing, so that `-h` is fast."""

from __future__ import annotations

AUTO = "auto"
"""The format of each log is detected."""

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
    "how lines are written: a name (`glancemetrics formats` lists them), or an nginx, Apache, "
    "GoAccess, W3C or regex definition; auto detects it"
)
FORMAT_FROM_HELP = "take the format from this nginx.conf or goaccess.conf"
DATE_FORMAT_HELP = "strftime format of GoAccess's %d, or of a regex's time"
TIME_FORMAT_HELP = "strftime format of GoAccess's %t"
TIME_ZONE_HELP = "zone of log times without one: local, UTC, Asia/Tokyo"
TRUSTED_HELP = "trust X-Forwarded-For from this address or network; repeatable"
GROUP_PATH_HELP = "count paths as one: '/users/*', '/files/**', or auto for {id}; repeatable"
KEEP_HELP = "extra log fields to keep as text columns; repeatable"
DURATION_UNIT_HELP = "unit of durations that have none: us, ms or s; else they are ignored"
