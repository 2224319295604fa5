"""The local run: everything `make run` needs on a bare machine. Production uses none of it.

up           the command: what happens in which order
lock         one run per var folder
environment  the settings of a local run, and the secrets it keeps
ports        free ports on the loopback interface
supervise    the running processes: their output, a crash, the stop
child        starts a process that cannot outlive us
valkey       the embedded broker
catcher      the embedded mail server: stores what it gets
screen       what all of them say to whoever started them
prepare      database, static files, templates and demo, in one Python process
mailbox      reads what the catcher stored
inbox        its pages at /inbox/, which inbox_urls places
"""
