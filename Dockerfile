# One image for all: its command picks `api_service`, `enrich_service`, `alembic upgrade head`, or
# the stand-in TMDB, whose films are 200 kB. `make image` builds it with its version.

FROM python:3.13-slim AS build
ARG VERSION=unreleased
# Or requirements-tracing.txt, for an image that sends spans.
ARG REQUIREMENTS=requirements.txt
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
COPY requirements.txt requirements-tracing.txt requirements-run.txt ./
# What is locked, without resolving; wheels only: nothing is compiled, here or later. setuptools is
# pinned among what running without containers needs.
RUN python -m venv --without-pip /opt/venv \
 && pip --python /opt/venv/bin/python install --no-deps --require-hashes --only-binary :all: -r "$REQUIREMENTS" \
 && find /opt/venv -type d -name tests -prune -exec rm -r {} + \
 && sed -n '/^setuptools==/,/[^\\]$/p' requirements-run.txt > requirements-build.txt \
 && pip install --no-deps --require-hashes --only-binary :all: -r requirements-build.txt
COPY . .
# A version that is not the one of pyproject.toml would be a label that lies.
RUN pip wheel --no-deps --no-build-isolation --wheel-dir wheels . \
 && { [ "$VERSION" = unreleased ] || ls wheels/projectionist-"$VERSION"-py3-none-any.whl; } \
 && pip --python /opt/venv/bin/python install --no-deps --no-index wheels/*.whl \
 && pip --python /opt/venv/bin/python check

FROM python:3.13-slim
# By number, so that an orchestrator can tell that it is not root.
RUN groupadd --gid 10001 projectionist \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent \
    --shell /usr/sbin/nologin projectionist
COPY --from=build /opt/venv /opt/venv
COPY alembic.ini /app/
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    API_HOST=0.0.0.0 \
    API_PORT=8000 \
    WORKER_HOST=0.0.0.0 \
    WORKER_PORT=8001
WORKDIR /app
# What the demonstration's start page offers to try.
RUN python -m local_stack.samples /app/sample
USER 10001:10001
# Nothing is written but uploads under way, to /tmp: with a read-only root, mount something there.
EXPOSE 8000 8001
# Asks the port of whichever service the container runs.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-m", "shared.alive"]
CMD ["python", "-m", "api_service"]
ARG VERSION=unreleased
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Projectionist" \
      org.opencontainers.image.description="Turns a film lover's list into a rich, living record of what they have seen." \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
