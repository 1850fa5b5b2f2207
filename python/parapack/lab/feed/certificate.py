"""A throw-away certificate for 127.0.0.1, made by the program `openssl` at run time.

The libraries that make certificates need a foreign-function package that some free-threaded builds have not;
the program is there wherever Python's own ssl module is built.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

PROGRAM = "openssl"
_SECONDS = 60


class NoCertificate(Exception):
    """The certificate could not be made; the message says why."""


def make(directory: Path) -> Path:
    """Makes a key and a certificate that signs itself, both in one file. Whoever trusts the file trusts the
    server.

    Raises NoCertificate where `openssl` is missing or fails.
    """
    if shutil.which(PROGRAM) is None:
        raise NoCertificate(f"the program {PROGRAM} is missing: apt-get install {PROGRAM}")
    key, certificate = directory / "key.pem", directory / "certificate.pem"
    command = [
        PROGRAM, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
        "-days", "2", "-subj", "/CN=parapack lab", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost",
        "-keyout", str(key), "-out", str(certificate),
    ]  # fmt: skip
    try:
        run = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoCertificate(f"{PROGRAM} req: {error}") from error
    if run.returncode:
        raise NoCertificate(f"{PROGRAM} req: {run.stderr.strip()[-300:]}")
    chain = directory / "exchange.pem"
    chain.write_bytes(key.read_bytes() + certificate.read_bytes())
    key.unlink()
    return chain
