"""Fetch the source archive of a pinned Python package and check its SHA-256.

    .venv/bin/python tools/sdist.py nanoarrow 0.9.0 <sha256> <folder>

`pip download --no-binary` would build the package's metadata, a minute of compiling build tools for an archive of
which we only want the C files. So pip finds and loads the archive here by its own machinery, with the index and the
certificates that its configuration names, and stops there. Should that machinery have moved in a later pip, the
slow command is the way out. Prints the path of the archive.
"""

import glob
import hashlib
import os
import subprocess
import sys


def quick(name, version, folder):
    from pip._internal.commands.download import DownloadCommand
    from pip._internal.network.download import Downloader
    from pip._vendor.packaging.specifiers import SpecifierSet

    command = DownloadCommand("download", "")
    options, _ = command.parse_args(["--no-binary", ":all:", "--no-deps", name])
    with command.main_context():
        session = command.get_default_session(options)
        finder = command._build_package_finder(options, session)
        found = finder.find_best_candidate(name, SpecifierSet("==" + version)).best_candidate
        if found is None:
            raise LookupError("no source archive of %s %s in the package index" % (name, version))
        path, _ = Downloader(session, "off")(found.link, folder)
    return path


def slow(name, version, folder):
    subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        + ["--no-binary", ":all:", "--dest", folder, "%s==%s" % (name, version)],
        check=True,
        stdout=sys.stderr,
    )
    return glob.glob(os.path.join(folder, "%s-%s.tar.*" % (name, version)))[0]


def main():
    name, version, sha256, folder = sys.argv[1:]
    os.makedirs(folder, exist_ok=True)
    try:
        path = quick(name, version, folder)
    except (ImportError, AttributeError, TypeError, ValueError) as moved:
        print("sdist.py: pip has changed (%s); taking the slow way" % moved, file=sys.stderr)
        path = slow(name, version, folder)
    with open(path, "rb") as archive:
        got = hashlib.sha256(archive.read()).hexdigest()
    if got != sha256:
        os.remove(path)
        sys.exit("sdist.py: %s has sha256 %s, expected %s: do not use it" % (path, got, sha256))
    print(path)


main()
