"""Deliveries of the running program, verified by the published Standard Webhooks libraries for Python and JavaScript: python3 -m unittest tools.tests.test_webhooks"""
import base64, json, os, shutil, sys, time, unittest, urllib.request

from tools.tests.packages import install
from tools.tests.served import Served, missing, run, stand_in

PYTHON, JAVASCRIPT = "standardwebhooks==1.1.0", "standardwebhooks@1.1.1"
# Reads {secret, headers, body} in lines, and says of each whether the library accepts it, or why not.
IN_PYTHON = """
import json, sys
from standardwebhooks import Webhook, WebhookVerificationError
for line in sys.stdin:
    asked = json.loads(line)
    try:
        Webhook(asked["secret"]).verify(asked["body"], asked["headers"])
        print("accepted")
    except WebhookVerificationError as why:
        print(f"refused: {why}")
"""
IN_JAVASCRIPT = """
const { Webhook, WebhookVerificationError } = require("standardwebhooks");
const lines = require("fs").readFileSync(0, "utf8").split("\\n").filter(Boolean);
for (const line of lines) {
  const { secret, headers, body } = JSON.parse(line);
  try {
    new Webhook(secret).verify(body, headers);
    console.log("accepted");
  } catch (why) {
    if (!(why instanceof WebhookVerificationError)) throw why;
    console.log(`refused: ${why.message}`);
  }
}
"""


class Webhooks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.libraries = install([PYTHON], [JAVASCRIPT])
        if not shutil.which("node"):
            missing("node is not installed")
        served = Served(TICKLER_OUTBOUND_ALLOW="127.0.0.0/8")
        cls.addClassCleanup(served.stop)
        cls.url = served.url

    def setUp(self):
        self.came = []

        def take(request, body):
            self.came.append((dict(request.headers), body.decode()))
            request.send_response(204), request.end_headers()
        self.receiver = stand_in(self, take)

    def send(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"content-type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read() or "null")

    def delivery(self):
        """What comes for a task that is created now."""
        self.came.clear()
        self.send("POST", "/api/v1/tasks", {"title": "Zahnärztin 🦷 \"quoted\" \u2028"})
        end = time.monotonic() + 20
        while not self.came:
            self.assertLess(time.monotonic(), end, "nothing came")
            time.sleep(0.02)
        return self.came[0]

    def judged(self, *asked):
        """What both libraries say of each (secret, headers, body): they must agree."""
        lines = "".join(json.dumps({"secret": secret, "headers": headers, "body": body}) + "\n" for secret, headers, body in asked)
        python = run(sys.executable, "-c", IN_PYTHON, input=lines, env={**os.environ, "PYTHONPATH": str(self.libraries / "python")})
        javascript = run("node", "-e", IN_JAVASCRIPT, input=lines, cwd=self.libraries)
        said = [[line.split(":")[0] for line in out.splitlines()] for out in (python, javascript)]
        self.assertEqual(said[0], said[1], f"{python}\n{javascript}")
        self.assertEqual(len(asked), len(said[0]))
        return said[0]

    def hook(self, **more):
        hook = self.send("POST", "/api/v1/webhooks", {"url": self.receiver, "events": ["task.created"], **more})
        self.addCleanup(self.send, "DELETE", f"/api/v1/webhooks/{hook['id']}")
        return hook

    def test_a_delivery_is_accepted_and_a_changed_one_is_not(self):
        hook = self.hook()
        headers, body = self.delivery()
        secret = hook["secret"]
        other = "whsec_" + base64.b64encode(b"another secret than that of the webhook").decode()
        at = next(name for name in headers if name.lower() == "webhook-timestamp")
        own_id = next(name for name in headers if name.lower() == "webhook-id")
        signature = next(name for name in headers if name.lower() == "webhook-signature")
        lower = {name.lower(): value for name, value in headers.items()}
        self.assertEqual({at, own_id, signature}, {"webhook-timestamp", "webhook-id", "webhook-signature"})
        first = lower[signature]
        flipped = first[:10] + ("A" if first[10] != "A" else "B") + first[11:]
        changed = body.replace("quoted", "quotes")
        self.assertNotEqual(body, changed)
        self.assertEqual(["accepted"] + 8 * ["refused"], self.judged(
            (secret, lower, body),
            (secret, lower, changed),
            (secret, lower, body + " "),
            (other, lower, body),
            (secret, {**lower, at: str(int(lower[at]) - 301)}, body),
            (secret, {**lower, at: str(int(lower[at]) + 1)}, body),
            (secret, {**lower, own_id: lower[own_id] + "x"}, body),
            (secret, {**lower, signature: flipped}, body),
            (secret, {name: value for name, value in lower.items() if name != signature}, body),
        ))

    def test_a_delivery_that_is_signed_right_and_old_is_refused(self):
        """Signed anew by the library itself with the program's secret, so that only its age is wrong."""
        hook = self.hook()
        headers, body = self.delivery()
        lower = {name.lower(): value for name, value in headers.items()}
        sign = ("import datetime, json, sys; from standardwebhooks import Webhook; secret, id, at, body = json.load(sys.stdin);"
                "print(Webhook(secret).sign(id, datetime.datetime.fromtimestamp(at, datetime.timezone.utc), body))")

        def signed(at):
            asked = json.dumps([hook["secret"], lower["webhook-id"], at, body])
            out = run(sys.executable, "-c", sign, input=asked, env={**os.environ, "PYTHONPATH": str(self.libraries / "python")})
            return {**lower, "webhook-timestamp": str(at), "webhook-signature": out.strip()}
        at = int(lower["webhook-timestamp"])
        self.assertEqual(lower, signed(at), "the library signs as the program does")
        self.assertEqual(["accepted", "refused", "refused"], self.judged(
            (hook["secret"], signed(at), body), (hook["secret"], signed(at - 600), body), (hook["secret"], signed(at + 600), body)))

    def test_both_secrets_are_accepted_after_a_rotation(self):
        hook = self.hook()
        rotated = self.send("POST", f"/api/v1/webhooks/{hook['id']}/rotate")["secret"]
        self.assertNotEqual(hook["secret"], rotated)
        headers, body = self.delivery()
        lower = {name.lower(): value for name, value in headers.items()}
        self.assertEqual(2, len(lower["webhook-signature"].split()))
        other = "whsec_" + base64.b64encode(b"another secret than either").decode()
        self.assertEqual(["accepted", "accepted", "refused", "refused"], self.judged(
            (rotated, lower, body), (hook["secret"], lower, body), (other, lower, body), (rotated, lower, body[:-1] + " ")))


if __name__ == "__main__":
    unittest.main()
