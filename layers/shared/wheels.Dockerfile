# Installs one stage's share of the Python lock, and nothing else: no dependency is resolved here, every file
# must match its hash, and only the files of these wheels end up in the stage.
FROM toolbox AS build
ARG SOURCE_DATE_EPOCH
ARG PYTHON
RUN --mount=type=secret,id=ca \
    --mount=type=bind,target=/context \
    sh -eu /context/install-wheels.sh

FROM scratch
COPY --link --from=build /out /
