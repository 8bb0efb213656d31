# Two stages: the first compiles and removes what is not needed, the second has only what runs.
FROM python:3.13-slim AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends binutils gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY glancemetrics glancemetrics
COPY actors actors
COPY web web
RUN python -m venv --without-pip /opt/glancemetrics \
    && python -m pip --python /opt/glancemetrics/bin/python install --no-cache-dir --no-compile \
        '.[fleet,notify,otlp]'
COPY packaging/image packaging/image
RUN /opt/glancemetrics/bin/python packaging/image/slim.py

FROM python:3.13-slim
# Group 4 is adm, which may read /var/log on Debian and Ubuntu.
RUN useradd --system --uid 10001 --groups adm --home-dir /var/lib/glancemetrics \
        --create-home glancemetrics \
    && mkdir -p /var/lib/glancemetrics/state \
    && chown glancemetrics:glancemetrics /var/lib/glancemetrics/state
COPY --from=build /opt/glancemetrics /opt/glancemetrics
ENV PATH=/opt/glancemetrics/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    TERM=xterm-256color \
    XDG_STATE_HOME=/var/lib/glancemetrics/state \
    GLANCEMETRICS_ALERT_LOG=/var/lib/glancemetrics/state/alerts.jsonl \
    GLANCEMETRICS_HEARTBEAT=/tmp/glancemetrics.heartbeat
USER glancemetrics
VOLUME /var/lib/glancemetrics/state
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["glancemetrics", "healthcheck"]
ENTRYPOINT ["glancemetrics"]
CMD ["-f", "/data/access.log"]
