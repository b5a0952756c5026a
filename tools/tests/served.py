"""What tests of the running program share: it is built, and served on a port of its own; and what it calls is served to it."""
import base64, hashlib, hmac, http.server, json, os, pathlib, re, subprocess, tempfile, threading, time, unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "tickler"
SECRET = "a secret of the tests alone, 32 bytes or more"
START_S, STOP_S = 60, 20


def missing(what):
    """What cannot be had is said; in CI it is a failure."""
    if os.environ.get("CI") == "true":
        raise AssertionError(what)
    raise unittest.SkipTest(what)


def run(*command, **options):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=300, **options)
    if done.returncode != 0:
        raise AssertionError(f"{command} ended with {done.returncode}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return done.stdout


def environment(**more):
    """The environment without anybody's settings of tickler."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TICKLER_")}
    return clean | {"NO_COLOR": "1"} | more


def token(user):
    """A JWT of this user under `SECRET`."""
    def part(value):
        return base64.urlsafe_b64encode(value).rstrip(b"=")
    head = part(b'{"alg":"HS256","typ":"JWT"}') + b"." + part(json.dumps({"sub": user, "exp": 4102444800}).encode())
    return (head + b"." + part(hmac.digest(SECRET.encode(), head, "sha256"))).decode()


def tickler():
    """The program, built from what is here."""
    run("cargo", "build", "--quiet", "-p", "gateway", cwd=ROOT)
    return pathlib.Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target") / "debug/tickler"


class Served:
    """`tickler serve` with these variables, until `stop`: `url` is where, `data` is its folder, `log()` what it has said."""

    def __init__(self, **variables):
        self.tickler, self.folder = tickler(), tempfile.TemporaryDirectory()
        self.data, self.said = f"{self.folder.name}/data", pathlib.Path(self.folder.name, "log")
        command = [self.tickler, "serve", "--bind", "127.0.0.1:0", "--data", self.data]
        with self.said.open("w") as said:
            self.process = subprocess.Popen(command, stdout=said, stderr=said, env=environment(**variables))
        end = time.monotonic() + START_S
        while not (found := re.search(r"http://127\.0\.0\.1:\d+", self.log())):
            if self.process.poll() is not None or time.monotonic() > end:
                self.stop()
                raise AssertionError(f"tickler does not start:\n{self.log()}")
            time.sleep(0.05)
        self.url = found.group()

    def log(self):
        return self.said.read_text()

    def stop(self):
        self.process.terminate()
        self.process.wait(STOP_S)
        self.folder.cleanup()


def stand_in(test, answer):
    """Answers each POST with `answer(handler, body)` until the test ends; gives the address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            answer(self, self.rfile.read(int(self.headers["Content-Length"])))

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    test.addCleanup(server.server_close)
    test.addCleanup(server.shutdown)
    return f"http://127.0.0.1:{server.server_port}/"
