"""What a user has on a laptop goes to a cluster and back by `tickler export` and `tickler import`: equal, with the alarms armed.

    python3 -m unittest -v tools/tests/test_carry.py
"""
import contextlib, json, os, pathlib, socket, subprocess, tempfile, unittest, uuid
from datetime import datetime, timedelta, timezone

from tools.tests.promises import ROOT, SECRET, Promises, Stack, User, eventually, on_topic, stack

BINARY = os.environ.get("TICKLER_BIN") or ROOT / "target/release/tickler"
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith("TICKLER_")}
# What an import may give anew: the new home counts its own changes.
ITS_OWN = {"header": ["exported_at", "version"], "reminder": ["version", "updated_at", "created_at", "late"],
           "tag": ["created_at"], "recurrence": ["version", "updated_at", "next_due"]}


def setUpModule():
    Stack.up()


def tearDownModule():
    stack("down")


@contextlib.contextmanager
def laptop():
    """An embedded server on a folder of its own; gives the number by which a User calls it."""
    with socket.socket() as free, tempfile.TemporaryDirectory() as folder:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
        free.close()
        env = {"PATH": os.environ["PATH"], "TICKLER_JWT_SECRET": SECRET, "TICKLER_BIND": address, "TICKLER_DATA_DIR": folder}
        with open(pathlib.Path(Stack.dir, "laptop.log"), "ab") as log:
            server = subprocess.Popen([BINARY, "serve"], env=env, stdout=log, stderr=log)
        name = uuid.uuid4().hex
        Stack.facts[f"BASE_URL_{name}"] = f"http://{address}"
        try:
            eventually(lambda: User("anybody").once("GET", "/ready", host=name)[0] == 200, 20, "the laptop is ready")
            yield name
        finally:
            server.terminate(), server.wait()


def kept(lines):
    """The lines of an export without what each home gives anew."""
    found = []
    for line in map(json.loads, lines.decode().splitlines()):
        for name in ITS_OWN.get(line["kind"], ["version", "updated_at"]):
            line.pop(name, None)
        found.append(line)
    return found


def fill(user, due):
    """Something of everything; two reminders come due soon."""
    def did(method, path, body=None):
        status, answer = user.sure(method, path, body)
        assert status in (200, 201, 204), f"{method} {path}: {status} {answer}"
        return answer
    did("PATCH", "/api/v1/me", {"zone": "Europe/Berlin", "all_day_time": "08:30"})
    did("POST", "/api/v1/tags", {"name": "alone"})
    did("POST", "/api/v1/tasks", {
        "title": "Wäsche", "description": "a\nb", "priority": "high", "tags": ["home", "x/y"], "due_date": "2027-11-22T09:00:00",
        "recurrence": {"pattern": "weekly", "days": ["mon"], "count": 9}, "reminders": ["1h"]})
    did("POST", "/api/v1/tasks/1/complete")
    did("DELETE", f"/api/v1/tasks/{did('POST', '/api/v1/tasks', {'title': 'Gone', 'due_date': '2027-11-30'})['id']}")
    did("POST", "/api/v1/recurrences", {"recurrence": "daily", "start": "2027-12-01", "task": {"title": "Later"}})
    for n in range(200):
        did("POST", "/api/v1/tasks", {"title": f"task {n}", "tags": [f"t{n % 7}"], "due_date": "2027-01-01"})
    for n in range(2):
        did("POST", "/api/v1/tasks", {"title": f"soon {n}", "reminders": [{"remind_at": due}]})


class Carry(Promises):
    def carry(self, user, source, target):
        """Exports here, imports there, and looks whether the same is there."""
        lines = self.program(user, source, "export")
        self.program(user, target, "import", "-", given=lines)
        self.assertEqual(kept(self.program(user, target, "export")), kept(lines))
        return len(kept(lines))

    @staticmethod
    def program(user, host, *arguments, given=b""):
        """What the program writes when it is told to ask this server."""
        door = ["--url", Stack.facts[f"BASE_URL_{host}"], "--token", user.bearer]
        done = subprocess.run([BINARY, *arguments, *door], input=given, capture_output=True, timeout=60, env=CLEAN)
        if done.returncode:
            raise AssertionError(f"tickler {arguments[0]}: {done.returncode} {done.stdout.decode()} {done.stderr.decode()}")
        return done.stdout

    def test_from_a_laptop_to_a_cluster_and_back(self):
        user = User(f"carried-{uuid.uuid4()}", pinned=True)
        with laptop() as first, laptop() as second:
            due = (datetime.now(timezone.utc) + timedelta(seconds=60)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            user.host = first
            fill(user, due)
            count = self.carry(user, first, 1)
            self.carry(user, 2, second)
            self.assertLess(datetime.now(timezone.utc).isoformat(), due, "carrying took too long")
            eventually(lambda: self.fired_on_the_stack(user) == 2, 90, "the alarms ring on the stack, though nobody looks")
            user.host = second
            eventually(lambda: self.inbox(user) == ["soon 0", "soon 1"], 30, "they ring on the laptop")
        print(f"{count} lines there and back, equal; the alarms rang in both homes", flush=True)

    @staticmethod
    def fired_on_the_stack(user):
        return sum(event["type"] == "reminder.triggered" and event["data"]["user_id"] == user.name
                   for event in on_topic("todo.reminders"))

    @staticmethod
    def inbox(user):
        _, inbox = user.sure("GET", "/api/v1/notifications")
        return sorted(one["title"] for one in inbox["notifications"])


if __name__ == "__main__":
    unittest.main()
