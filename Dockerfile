# One image for every process; docker-compose.yml says which of them a container is.
FROM python:3.11-slim-bookworm AS builder
RUN python -m venv /venv
COPY requirements.lock /tmp/requirements.lock
# Hashes pin every byte; wheels only, so the image needs no compiler.
RUN /venv/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --only-binary :all: \
      --require-hashes -r /tmp/requirements.lock \
 && /venv/bin/pip check

FROM python:3.11-slim-bookworm AS runtime
RUN groupadd --system --gid 10001 keryx \
 && useradd --system --uid 10001 --gid keryx --home-dir /app --shell /usr/sbin/nologin keryx
WORKDIR /app
COPY --from=builder /venv /venv
COPY libs libs
COPY services services
COPY gateway gateway
COPY simulators simulators
ENV PATH=/venv/bin:$PATH PYTHONPATH=/app:/app/libs PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 TZ=UTC
USER 10001:10001
STOPSIGNAL SIGTERM
