"""Every example of docs/API.md and docs/CHATBOTS.md, against a running tickler: python3 -m unittest tools.tests.test_docs"""
import json, re, subprocess, time, unittest, urllib.request

from tools.tests import assistant
from tools.tests.served import ROOT, Served, environment

WRITTEN = "http://127.0.0.1:8000"
TOOLS = "add_task|update_task|complete_task|delete_task|list_tasks|sort_tasks|set_reminder|cancel_reminder|list_reminders"
# Whatever fails must show; a stream is cut after a moment.
CURL = 'curl() { command curl --silent --show-error --fail-with-body --max-time 3 "$@"; }\n'


def blocks(page, kind):
    return re.findall(rf"^```{kind}\n(.*?)^```$", page, re.S | re.M)


def commands(block):
    """The commands of a block, each of one line or more: as many as bash needs to find it complete."""
    command = ""
    for line in block.splitlines():
        command += line + "\n"
        if subprocess.run(["bash", "-n", "-c", command], capture_output=True).returncode == 0 and not line.endswith("\\"):
            yield command.strip()
            command = ""
    assert not command, command


class Docs(unittest.TestCase):
    def setUp(self):
        self.served = Served(TICKLER_TEST_CLOCK="1", TICKLER_CHAT_URL=assistant.start(self))
        self.addCleanup(self.served.stop)
        self.url = self.served.url
        # In dev mode this is everybody's token.
        self.said = {"JWT": "dev", "TOKEN": "dev"}
        self.set_clock("2026-11-20T08:00:00Z")

    def ask(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def set_clock(self, now):
        self.ask("PUT", "/dev/clock", {"now": now})

    def fire(self):
        """Goes to the time of the reminder that was set last."""
        path = f"/api/v1/reminders/{self.said['ID']}"
        self.set_clock(self.ask("GET", path)["remind_at"])
        for _ in range(200):
            if self.ask("GET", path)["status"] == "triggered":
                return
            time.sleep(0.02)
        self.fail("the reminder did not fire")

    def learn(self, answer):
        """What later examples are to put in: an id, an ETag, an event."""
        if found := re.search(r"^etag: (.*?)\r?$", answer, re.I | re.M):
            self.said["ETAG"] = found.group(1)
        try:
            body = json.loads(answer.split("\r\n\r\n")[-1])
        except ValueError:
            return
        if isinstance(body, dict) and body.get("entries"):
            self.said["EVENT"] = body["entries"][0]["event_id"]
        if isinstance(body, dict) and "conversation_id" in body:
            self.said["CONVERSATION"] = body["conversation_id"]
        if isinstance(body, dict) and "remind_at" in body:
            self.said["ID"] = body["id"]

    def paste(self, command):
        if "# once it has fired" in command:
            self.fire()
        script = CURL + command.replace(WRITTEN, self.url)
        done = subprocess.run(["bash", "-eu", "-c", script], capture_output=True, text=True, timeout=30, cwd=self.served.folder.name, env=environment(**self.said))
        streams = "/live" in command and "event: ready" in done.stdout
        self.assertTrue(done.returncode == 0 or streams, f"{command}\n{done.stdout}\n{done.stderr}")
        self.learn(done.stdout)
        return done.stdout

    def call(self, tool, arguments):
        arguments = json.loads(re.sub(r"\$(\w+)", lambda name: self.said[name.group(1)], arguments))
        said = self.ask("POST", "/mcp", {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}})
        result = said.get("result", {})
        self.assertFalse(result.get("isError", True), f"{tool} {arguments}: {said}")
        self.assertFalse(result["structuredContent"].get("failures"), f"{tool} {arguments}: {said}")
        for reminder in result["structuredContent"].get("reminders", [])[:1]:
            self.said["ID"] = reminder["reminder_id"]

    def examples(self, page):
        """Pastes the blocks of a page, then makes its tool calls, each in the order in which they stand."""
        pasted = 0
        for command in [command for block in blocks(page, "sh") for command in commands(block)]:
            if assigned := re.fullmatch(r"(\w+)=(.*)", command):
                self.said[assigned.group(1)] = assigned.group(2).strip("'").replace(WRITTEN, self.url)
            else:
                self.paste(command)
                pasted += 1
        calls = re.findall(rf"`({TOOLS}) (\{{.*?\}})`", page)
        for tool, arguments in calls:
            self.call(tool, arguments)
        return pasted, len(calls)

    def test_the_interface_by_task(self):
        pasted, called = self.examples((ROOT / "docs/API.md").read_text())
        self.assertGreaterEqual(pasted, 34)
        self.assertGreaterEqual(called, 14)

    def test_a_chatbot(self):
        page = (ROOT / "docs/CHATBOTS.md").read_text()
        self.said["TICKLER"] = self.url
        pasted, _ = self.examples(page)
        self.assertEqual(pasted, 2)
        configured = [json.loads(block) for block in blocks(page, "json") if "mcpServers" in block]
        kinds = [self.session(each["mcpServers"]["tickler"]) for each in configured]
        self.assertEqual(kinds, ["http", "stdio"])

    def session(self, server):
        """The first word of a session with a server that is configured so."""
        hello = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
            "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}}
        if server.get("type") == "http":
            self.assertEqual(server["url"].replace(WRITTEN, self.url), f"{self.url}/mcp")
            self.assertEqual(self.ask("POST", "/mcp", hello)["result"]["serverInfo"]["name"], "tickler")
            return "http"
        self.assertEqual(server["command"], "tickler")
        done = subprocess.run([self.served.tickler, *server["args"]], input=json.dumps(hello) + "\n", capture_output=True, text=True, timeout=30,
                              env=environment(TICKLER_DATA_DIR=self.served.data))
        self.assertEqual(json.loads(done.stdout.splitlines()[0])["result"]["serverInfo"]["name"], "tickler", done.stderr)
        return "stdio"
