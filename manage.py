#!/usr/bin/env python
"""Django's command line: `manage.py serve`, `manage.py setup`, `manage.py help`."""

import gc
import os
import sys

from django.core.management import execute_from_command_line


def main() -> None:
    # To load makes no garbage; looking for it would be a seventh of each start.
    gc.set_threshold(50_000)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "quantlab.settings")
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
