"""`python -m tests.mails lint` or `gallery`: a program of this folder with Django set up."""

import os
import runpy
import sys

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
django.setup()
runpy.run_module(f"tests.mails.{sys.argv[1]}", run_name="__main__")
