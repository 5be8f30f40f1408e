# A container with rga: the command line, and a server of a gallery of people. No image was built from this file where it was written, as
# there was no builder; hadolint finds nothing in it.
#
#   docker build -t rga .                                          # PyTorch for CPUs; --build-arg TORCH_INDEX=https://pypi.org/simple for CUDA
#   docker run --rm -v people:/data rga gallery create people      # once: makes the gallery /data/people
#   docker run --rm -v people:/data -p 8000:8000 rga               # serves it on port 8000, and prints the token that clients need
#   docker run --rm rga doctor                                     # any other command

ARG PYTHON=3.13

FROM python:${PYTHON}-slim AS wheel
WORKDIR /source
COPY . .
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:${PYTHON}-slim
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ARG EXTRAS=explain,fast,gallery,video
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
RUN --mount=type=bind,from=wheel,source=/wheels,target=/wheels \
    pip install --no-cache-dir --extra-index-url "${TORCH_INDEX}" "$(echo /wheels/rga-*.whl)[${EXTRAS}]" \
    && useradd --create-home --uid 10001 rga \
    && install --directory --owner=rga --mode=700 /data
USER 10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/static/icon.svg', timeout=4)"]
ENTRYPOINT ["rga"]
CMD ["serve", "people", "--host", "0.0.0.0", "--port", "8000"]
