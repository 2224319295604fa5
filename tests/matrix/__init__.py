"""Everything in Celery that our documents name, tried with real workers: `make test-matrix`.

Each row is a process of its own (`tests.matrix.row`) with the service's own settings, on a PostgreSQL database of its own,
with the broker and the worker that the row is about, and a mail server that writes down what it takes.
"""
