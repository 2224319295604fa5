# syntax=docker/dockerfile:1
# One image for web, workers and beat; the command says which. docs/deployment.md
FROM python:3.11-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /app
COPY requirements.txt ./
RUN python -m venv /venv && /venv/bin/python -m pip install --requirement requirements.txt

FROM python:3.11-slim
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 VAR_DIR=/var/lib/afternoon-post
RUN groupadd --system --gid 10001 post \
    && useradd --system --uid 10001 --gid post --home-dir /app --shell /usr/sbin/nologin post \
    && install --directory --owner post --group post --mode 0700 /var/lib/afternoon-post
COPY --from=build /venv /venv
WORKDIR /app
COPY manage.py Procfile ./
COPY config config
COPY mailer mailer
COPY templates templates
COPY static static
# These values are for this step alone; nothing of them is in the image's environment.
RUN SECRET_KEY=build ALLOWED_HOSTS=build VAR_DIR=/tmp python manage.py collectstatic --noinput
USER 10001
VOLUME /var/lib/afternoon-post
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health/live', timeout=2)"]
CMD ["gunicorn", "config.wsgi", "--bind", "0.0.0.0:8000", "--workers", "2", "--worker-class", "gthread", "--threads", "4", "--log-level", "warning"]
