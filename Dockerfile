# One image for every role: the command says which (engine, control, gateway, serve, demo …).

# -- build: wheels of the project and of the pinned versions it runs with
FROM python:3.13.9-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
RUN python -m venv /opt/livestream
# Dependencies first: they change less often than the code, and stay in the builder's cache.
COPY pyproject.toml constraints.txt LICENSE ./
COPY livestream/__init__.py livestream/
COPY cart/__init__.py cart/
COPY metrics/__init__.py metrics/
COPY shows shows
RUN /opt/livestream/bin/pip install --constraint constraints.txt .
COPY . .
RUN /opt/livestream/bin/pip install --no-deps --force-reinstall . \
    && /opt/livestream/bin/python -m compileall -q /opt/livestream/lib

# -- run: the interpreter, that environment, and a user who may write to /var/lib/livestream only
FROM python:3.13.9-slim-bookworm
RUN useradd --system --uid 10001 --user-group --home-dir /var/lib/livestream --create-home livestream
COPY --from=build /opt/livestream /opt/livestream
COPY shows /opt/livestream/shows
ENV PATH=/opt/livestream/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    LIVESTREAM_VAR_DIR=/var/lib/livestream \
    LIVESTREAM_CONTROL_HOST=0.0.0.0 \
    LIVESTREAM_GATEWAY_HOST=0.0.0.0 \
    LIVESTREAM_ENGINE_HOST=0.0.0.0 \
    LIVESTREAM_LOG_FORMAT=json
WORKDIR /opt/livestream
USER 10001:10001
EXPOSE 8080 8081 8082 8083
VOLUME ["/var/lib/livestream"]
# Asks /livez of whichever role runs here; status 0 or 1.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["livestream", "healthcheck"]
ENTRYPOINT ["livestream"]
CMD ["serve"]
