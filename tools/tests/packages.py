"""Published packages that tests use, pinned, in a folder of the cache that is named by their pins."""
import hashlib, pathlib, shutil, subprocess, sys, tempfile

from tools.tests.served import CACHE, missing, run


def install(pypi, npm=()):
    """Installs them once; the folder holds `python` and `node_modules`."""
    folder = CACHE / f"packages-{hashlib.sha256(' '.join([*pypi, *npm]).encode()).hexdigest()[:16]}"
    if not folder.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        making = pathlib.Path(tempfile.mkdtemp(dir=CACHE, prefix="packages-making-"))
        try:
            run(sys.executable, "-m", "pip", "install", "--quiet", "--target", making / "python", *pypi)
            if npm:
                run("npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", making, *npm)
            making.rename(folder)
        except (AssertionError, FileNotFoundError, subprocess.TimeoutExpired) as error:
            missing(f"{[*pypi, *npm]} cannot be installed: {error}")
        finally:
            shutil.rmtree(making, ignore_errors=True)
    return folder
