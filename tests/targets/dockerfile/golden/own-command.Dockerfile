# Made by envkit 0.1.0 from envkit.toml. Changes made here are lost:
# change envkit.toml, then run `envkit render dockerfile`.
# Build it in the project's folder: docker build --file deploy/Dockerfile --tag shop .
# A package index or a CA of your own is a secret of the build and stays out of the image:
#   --secret id=pip.conf,src=FILE --secret id=ca.pem,src=FILE, where pip.conf says cert = /run/secrets/ca.pem
ARG BASE=python:3.13-slim-bookworm

FROM ${BASE} AS build
RUN python3 -m venv /opt/venv
WORKDIR /source
COPY requirements.txt ./
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf --mount=type=secret,id=ca.pem \
    /opt/venv/bin/pip install --no-cache-dir --requirement requirements.txt "gunicorn>=27.0.1" \
 && /opt/venv/bin/pip uninstall --yes setuptools pip

FROM ${BASE}
RUN echo 'app:x:10001:' >>/etc/group \
 && echo 'app:x:10001:10001::/nonexistent:/usr/sbin/nologin' >>/etc/passwd \
 && install -d -o 10001 -g 10001 /data
COPY --from=build /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1
WORKDIR /app
# Made by envkit render dockerfile; without it the build ends here.
COPY deploy/probe.py deploy/
COPY . .
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["python3", "-I", "-S", "deploy/probe.py"]
CMD ["uvicorn", "shop:app", "--header", "X: é"]
