"""Settings of the test suite: its own home, plain static files, a file database."""

import os
import tempfile
from pathlib import Path

_home = Path(tempfile.mkdtemp(prefix="quantlab-tests-"))
_root = Path(__file__).resolve().parent.parent
os.environ["QUANT_NUMBA_CACHE"] = str(_root / "var" / "cache" / "numba")
os.environ["QUANT_HOME"] = str(_home)
for name in ("QUANT_DB_PATH", "QUANT_DATA_ROOT", "QUANT_RAW_ROOT", "QUANT_API_KEY"):
    os.environ.pop(name, None)

from quantlab.settings import *  # noqa: E402, F403
from quantlab.settings import DATABASES, STORAGES  # noqa: E402

ALLOWED_HOSTS = ["127.0.0.1", "localhost", "testserver"]
STORAGES["staticfiles"]["BACKEND"] = (
    "django.contrib.staticfiles.storage.StaticFilesStorage"
)
(_home / "staticfiles").mkdir()
# A file, not memory: several threads read and write during browser tests.
DATABASES["default"]["TEST"] = {"NAME": str(_home / "test.sqlite3")}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
LOGGING_CONFIG = None  # pytest shows what was logged
