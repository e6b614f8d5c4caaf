# The image of every role. The build stage stays behind: what runs has no compiler, no
# source tree and, in its environment, no pip. Every package is checked against its hash.
FROM python:3.11.14-slim-bookworm AS build
WORKDIR /src
COPY requirements requirements
RUN pip install --no-cache-dir --require-hashes --only-binary :all: \
      --requirement requirements/build.txt \
 && python -m venv --without-pip /opt/hubbub \
 && pip --python /opt/hubbub/bin/python install --no-cache-dir --require-hashes \
      --only-binary :all: --requirement requirements/run.txt
COPY pyproject.toml README.md LICENSE ./
COPY platform platform
COPY agents agents
COPY scenarios scenarios
RUN pip wheel --no-index --no-deps --no-build-isolation --wheel-dir /wheels . \
 && pip --python /opt/hubbub/bin/python install --no-index --no-deps /wheels/*.whl

FROM python:3.11.14-slim-bookworm
# Any other uid does as well: nothing outside /runs and /tmp is written.
RUN useradd --uid 1000 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin hubbub \
 && install --directory --owner=hubbub --group=hubbub /runs
COPY --from=build /opt/hubbub /opt/hubbub
ENV PATH=/opt/hubbub/bin:$PATH \
    HOME=/tmp \
    HUBBUB_RUNS=/runs
USER 1000:1000
WORKDIR /tmp
ENTRYPOINT ["hubbub"]
CMD ["--help"]
