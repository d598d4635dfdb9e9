"""The settings under test: the defaults, whatever this machine's environment says. Only DATABASE_URL is let in."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path
from unittest import mock

FOLDER = Path(tempfile.mkdtemp(prefix="watchtracker-test-"))
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)

with (
    mock.patch.dict(os.environ, clear=True, VAR_DIR=str(FOLDER), DATABASE_URL=os.environ.get("DATABASE_URL", "")),
    mock.patch("watchtracker.env.env_file", return_value={}),
):
    from watchtracker.settings import *  # noqa: F403
    from watchtracker.settings import DATABASES, LOGGING, STATIC_ROOT

# A file and not memory, so that threads and processes under test share it as they would in life; and one for each run.
DATABASES["default"].setdefault("TEST", {})["NAME"] = (
    FOLDER / "test.sqlite3" if "sqlite3" in DATABASES["default"]["ENGINE"] else "test_watchtracker"
)
# Nothing has been collected, and whitenoise warns where there is no folder.
STATIC_ROOT.mkdir()
# Passwords are hashed for real in production; no test is about the hash.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Tests ask more than people may; those about limits switch them on.
RATELIMIT_ENABLE = False
# Tests read the log through caplog.
LOGGING["root"]["handlers"] = []
