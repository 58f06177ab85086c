"""Settings of a worker process under test: the lab's own, with kinds to be killed.

The home and the database come from the environment: those of the test session.
"""

from quantlab.settings import *  # noqa: F403
from quantlab.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.jobs.apps.KindsConfig"]
JOB_PRELOAD = ("tests.jobs.kinds:preload",)
