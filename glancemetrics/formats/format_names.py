"""The names that `--format` takes, and what it says in the help. Light: read before all else."""

from __future__ import annotations

DEFAULT_FORMAT = "combined"

COMBINED_NAMES = ("combined", "common")
"""One reader reads both, mixed or not."""

APACHE_PRESETS = {
    "vhost-combined": r'%v:%p %h %l %u %t "%r" %>s %O "%{Referer}i" "%{User-Agent}i"',
    "vhost-common": r'%v:%p %h %l %u %t "%r" %>s %O',
    "traefik": (
        r'%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i" %{requests}n '
        r'"%{router}n" "%{server}n" %{ms}Tms'
    ),
}
"""In Apache's notation. Those with a virtual host are as Debian's `apache2.conf` and
`other-vhosts-access-log.conf` have them; Traefik's CLF is told in
https://doc.traefik.io/traefik/observability/access-logs/#format."""
NGINX_PRESETS = {
    "ingress-nginx": (
        '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent '
        '"$http_referer" "$http_user_agent" $request_length $request_time '
        "[$proxy_upstream_name] [$proxy_alternative_upstream_name] $upstream_addr "
        "$upstream_response_length $upstream_response_time $upstream_status $req_id"
    ),
}
"""In nginx's notation; of the Kubernetes ingress controller, told in
https://kubernetes.github.io/ingress-nginx/user-guide/nginx-configuration/log-format/."""

FORMAT_NAMES = (*COMBINED_NAMES, *APACHE_PRESETS, *NGINX_PRESETS)

FORMAT_HELP = (
    f"how lines are written: {', '.join(FORMAT_NAMES)}; or the format itself, as it stands in the "
    "server's configuration: nginx's log_format (with $variables) or Apache's LogFormat (with "
    "%directives)"
)
