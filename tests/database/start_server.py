"""Start the server of a folder and stay: `start_server DATA UID PG_BIN REAPING`; see the fixture `starter`."""

import ctypes
import os
import sys
from pathlib import Path

from helios_core.database.server import EmbeddedServer
from helios_core.errors import HeliosError

PR_SET_CHILD_SUBREAPER = 36


def main(data_dir: str, uid: str, pg_bin: str, reaping: str) -> None:
    """Say `ready`, or why not, and wait until standard input ends."""
    if reaping == "0":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    if int(uid) != os.geteuid():
        os.setgroups([])
        os.setgid(int(uid))
        os.setuid(int(uid))
    try:
        EmbeddedServer(Path(data_dir), Path(pg_bin) if pg_bin else None).start()
    except HeliosError as error:
        sys.stdout.write(f"{type(error).__name__}: {error}\n")
    else:
        sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
