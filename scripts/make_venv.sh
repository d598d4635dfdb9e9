#!/bin/sh
# Makes .venv with the first Python that fits. PYTHON names one to try first.

for python in "${PYTHON:-python3}" python3.13 python3.12 python3.11; do
    if "$python" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null
    then
        exec "$python" -m venv .venv
    fi
done

echo "Watchtracker needs Python 3.11, 3.12 or 3.13 with its venv module (on Debian and Ubuntu: apt install python3-venv)." >&2
exit 1
