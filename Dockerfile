# QuantLab in an image: nothing but the code and what it needs, run by nobody special.
# All state is in /var/lib/quantlab; keep that on a volume.
FROM python:3.11-slim-bookworm AS build
WORKDIR /build
RUN pip install --no-cache-dir uv==0.13.8
COPY requirements-server.txt ./
# Compiled here: who runs the lab may not write beside its code.
ENV UV_COMPILE_BYTECODE=1
RUN uv venv /venv \
 && uv pip sync --require-hashes requirements-server.txt --python /venv/bin/python

FROM python:3.11-slim-bookworm
RUN useradd --uid 10001 --create-home lab \
 && install --directory --owner lab --group lab --mode 700 /var/lib/quantlab
COPY --from=build /venv /venv
WORKDIR /lab
COPY manage.py requirements.txt LICENSE ./
COPY docs docs
COPY static static
COPY templates templates
COPY strategies strategies
COPY quantlab quantlab
COPY jobs jobs
COPY experiments experiments
RUN python -m compileall -q .
ENV PATH=/venv/bin:$PATH \
    QUANT_HOME=/var/lib/quantlab \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
USER lab
EXPOSE 8000
# The first start compiles the kernels, which takes minutes on a small machine.
HEALTHCHECK --interval=5s --timeout=5s --start-period=600s \
  CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/health', timeout=4)"]
CMD ["python", "manage.py", "serve", "--host", "0.0.0.0", "--port", "8000"]
