"""The whole API as it describes itself, against Schemathesis: python3 -m unittest tools.tests.test_openapi

TICKLER_OPENAPI_SECONDS (180) says for how long, TICKLER_OPENAPI_SEED (1) with which seed."""
import hashlib, os, re, shutil, subprocess, sys, unittest, venv

from tools.tests import assistant
from tools.tests.served import CACHE, ROOT, SECRET, Served, missing, run, token

HERE = ROOT / "tools/openapi"
USER = "schemathesis"
SECONDS = int(os.environ.get("TICKLER_OPENAPI_SECONDS", "180"))
SEED = os.environ.get("TICKLER_OPENAPI_SEED", "1")
# Streams have no end and are tested elsewhere (gateway/tests/it/live.rs).
STREAMS = r"(^/ws.*|/live|/sse/\{user_id\})$"
# JSON Schema cannot say what a recurrence rule, a zone or a future moment is, so what it allows may be refused with 422.
UNSAID = "positive_data_acceptance"


def install():
    """Schemathesis in a virtual environment of the cache that is named by its pin; made once."""
    pin = (HERE / "requirements.txt").read_bytes()
    folder = CACHE / f"openapi-{hashlib.sha256(pin + sys.version.encode()).hexdigest()[:16]}"
    if not (folder / "made").exists():
        shutil.rmtree(folder, ignore_errors=True)
        try:
            venv.create(folder, with_pip=True)
            run(folder / "bin/pip", "install", "--quiet", "-r", HERE / "requirements.txt")
        except (AssertionError, OSError, subprocess.SubprocessError) as error:
            missing(f"Schemathesis cannot be installed: {error}")
        (folder / "made").touch()
    return folder / "bin/schemathesis"


class Openapi(unittest.TestCase):
    def setUp(self):
        self.schemathesis = install()
        self.served = Served(TICKLER_JWT_SECRET=SECRET, TICKLER_RATE_USER="0", TICKLER_OUTBOUND_ALLOW="127.0.0.0/8",
                             TICKLER_CHAT_URL=assistant.start(self))
        self.addCleanup(self.served.stop)

    def check(self, seconds, phases):
        """Runs these phases; gives how many cases there were, and what else the run said."""
        env = {**os.environ, "SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(HERE), "TICKLER_TEST_USER": USER, "NO_COLOR": "1"}
        command = [self.schemathesis, "--config-file", HERE / "schemathesis.toml", "run", f"{self.served.url}/openapi.json",
                   "--header", f"Authorization: Bearer {token(USER)}", "--exclude-path-regex", STREAMS, "--exclude-checks", UNSAID,
                   "--phases", phases, "--seed", SEED, "--max-time", str(seconds), "--no-shrink",
                   "--continue-on-failure", "--generation-database", "none", "--warnings", "off"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS * 2 + 300, env=env, cwd=self.served.folder.name)
        self.assertEqual(done.returncode, 0, done.stdout[-20000:] + done.stderr[-3000:])
        self.assertIsNone(self.served.process.poll(), "the server has ended")
        return int(re.search(r"(\d+) generated", done.stdout).group(1)), done.stdout

    def test_every_answer_is_as_described(self):
        cases, _ = self.check(SECONDS * 6 // 10, "examples,coverage,fuzzing")
        print(f"\nSchemathesis: {cases} cases, seed {SEED}", file=sys.stderr)
        # A run that tests nothing must not pass; a busy machine does less in the time.
        self.assertGreater(cases, 200)

    def test_every_answer_is_as_described_where_one_leads_to_the_next(self):
        cases, said = self.check(SECONDS * 4 // 10, "stateful")
        links = int(re.search(r"API Links:\s+(\d+) covered", said).group(1))
        print(f"\nSchemathesis: {cases} cases along {links} links, seed {SEED}", file=sys.stderr)
        self.assertGreater(links, 0)
