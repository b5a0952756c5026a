"""Events under chaos: apps, PostgreSQL and Kafka are killed and restarted every few seconds under load; afterwards the audit trail
is complete, each event in it once and in order, its chains verify, and search and changes agree with the actors over every task.

Needs a binary (TICKLER_BIN, or target/release/tickler). CHAOS_S is how long (120), CHAOS_RATE how many writes a second (200),
CHAOS_EVERY how many seconds lie between two kills (6), CHAOS_SEED what is drawn.

    python3 -m unittest tools/tests/test_chaos.py
"""
import collections, os, random, subprocess, threading, time, unittest, uuid

from tools.tests.promises import ROOT, Stack, User, stack

BINARY = os.environ.get("TICKLER_BIN") or ROOT / "target/release/tickler"
SECONDS = float(os.environ.get("CHAOS_S", "120"))
RATE = float(os.environ.get("CHAOS_RATE", "200"))
EVERY = float(os.environ.get("CHAOS_EVERY", "6"))
SEED = int(os.environ.get("CHAOS_SEED", "1"))
USERS = 24
VICTIMS = ["app-1", "kafka", "postgres", "app-2", "kafka", "app-1", "postgres"]


def setUpModule():
    Stack.up()


def tearDownModule():
    if not os.environ.get("PROMISES_KEEP"):
        stack("down")


class Writer:
    """A user who makes, changes, completes and deletes tasks at a pace, and knows what was acknowledged."""

    def __init__(self, number):
        self.user, self.random = User(f"chaos-{uuid.uuid4()}"), random.Random(SEED * 1000 + number)
        self.open, self.wrong, self.writes = [], [], 0
        self.versions = set()

    def run(self, until):
        pace = USERS / RATE
        due = time.monotonic() + self.random.random() * pace
        try:
            while time.monotonic() < until:
                time.sleep(max(0, due - time.monotonic()))
                due = max(due + pace, time.monotonic() - 1)  # what could not be written is not made up for
                self.write()
        except AssertionError as why:
            self.wrong.append(str(why))

    def write(self):
        drawn = self.random.random()
        if drawn < 0.5 or not self.open:
            task = self.expect(201, "POST", "/api/v1/tasks", {"title": f"chaos old{self.writes} {self.user.name}"})
            self.open.append(task["id"])
        elif drawn < 0.75:
            task = self.random.choice(self.open)
            self.expect(200, "PATCH", f"/api/v1/tasks/{task}", {"title": f"chaos new{self.writes}"})
        elif drawn < 0.9:
            self.expect(200, "POST", f"/api/v1/tasks/{self.taken()}/complete")
        else:
            self.expect(204, "DELETE", f"/api/v1/tasks/{self.taken()}")
        self.writes += 1

    def taken(self):
        return self.open.pop(self.random.randrange(len(self.open)))

    def expect(self, expected, method, path, body=None):
        status, answer = self.user.sure(method, path, body, within=90)
        if status != expected:
            raise AssertionError(f"{method} {path}: {status} {answer}")
        if answer and "version" in answer:
            self.versions.add(answer["version"])
        return answer


class Chaos(unittest.TestCase):
    def test_events_outlive_chaos(self):
        writers = [Writer(number) for number in range(USERS)]
        until = time.monotonic() + SECONDS
        threads = [threading.Thread(target=writer.run, args=(until,)) for writer in writers]
        # Sidecars that end by themselves come back, as under a kubelet.
        kubelet = subprocess.Popen([ROOT / "tools/stack", "watch", "--dir", Stack.dir], stderr=subprocess.DEVNULL)
        self.addCleanup(kubelet.wait)
        self.addCleanup(kubelet.kill)
        for thread in threads:
            thread.start()
        kills = self.kill_until(until)
        for thread in threads:
            thread.join()
        writes = sum(writer.writes for writer in writers)
        print(f"chaos: {writes} writes acknowledged in {SECONDS:.0f} s, {kills} kills", flush=True)
        self.assertEqual([], [why for writer in writers for why in writer.wrong])
        self.assertGreater(writes, 100)
        began = time.monotonic()
        for writer in writers:
            self.compare(writer)
        print(f"compared after {time.monotonic() - began:.0f} s", flush=True)
        environment = {"PATH": os.environ["PATH"], "DATABASE_URL": Stack.facts["DATABASE_URL"]}
        verified = subprocess.run([BINARY, "audit", "verify", "--data", Stack.dir], capture_output=True, env=environment, text=True)
        self.assertEqual(0, verified.returncode, verified.stdout[-2000:] + verified.stderr)

    def kill_until(self, until):
        kills = 0
        while time.monotonic() + EVERY < until:
            time.sleep(EVERY)
            victim = VICTIMS[kills % len(VICTIMS)]
            stack("kill", victim)
            # It is waited for no longer than until the next kill: the next victim may fall while this one starts.
            start = subprocess.Popen([ROOT / "tools/stack", "restart", victim, "--dir", Stack.dir],
                                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            self.addCleanup(start.wait)
            kills += 1
        return kills

    def pages(self, user, path, name, cursor=None):
        found = []
        while True:
            at = f"&{'since' if 'changes' in path else 'cursor'}={cursor}" if cursor else ""
            status, page = user.sure("GET", path + at)
            self.assertEqual(200, status, page)
            found += page[name]
            if not page.get("next_cursor") or page.get("more") is False:
                return found
            cursor = page["next_cursor"]

    def compare(self, writer):
        user = writer.user
        tasks = {task["id"]: task for task in user.tasks()}
        deleted = {task["id"]: task for task in user.sure("GET", "/api/v1/tasks?deleted=true")[1]}
        newest = max(task["version"] for task in [*tasks.values(), *deleted.values()])
        entries = self.trail(user, newest)
        sequences = [entry["payload"]["sequence"] for entry in entries]
        self.assertEqual(sorted(sequences), sequences, f"{user.name}: out of order")
        events = collections.Counter(entry["event_id"] for entry in entries)
        self.assertEqual([], [event for event, count in events.items() if count > 1], f"{user.name}: twice")
        self.assertEqual(set(), writer.versions - set(sequences), f"{user.name}: acknowledged, and not in the trail")
        self.assertEqual(writer.writes, len(entries), f"{user.name}: writes and entries")
        last = {}
        for message in self.pages(user, "/api/v1/changes?limit=1000&types=task.*", "changes", "0"):
            last[message["task_id"]] = message["task"]
        self.assertEqual({**tasks, **deleted}, last, f"{user.name}: changes disagree with the actor")
        found = self.pages(user, "/api/v1/search?q=chaos&limit=100", "results")
        self.assertEqual(tasks, {result["task"]["id"]: result["task"] for result in found}, f"{user.name}: search disagrees")
        self.assertEqual(len(tasks), len(found), f"{user.name}: found twice")
        old = self.pages(user, "/api/v1/search?q=old&limit=100", "results")
        expected = {task["id"] for task in tasks.values() if " old" in task["title"]}
        self.assertEqual(expected, {result["task"]["id"] for result in old}, f"{user.name}: stale words")

    def trail(self, user, newest, within=180):
        """The task events of a user, once the newest has come."""
        end = time.monotonic() + within
        while True:
            kinds = "task.created,task.updated,task.completed,task.deleted"
            entries = self.pages(user, f"/api/v1/audit?event_type={kinds}&limit=200", "entries")
            if entries and entries[-1]["payload"]["sequence"] >= newest or time.monotonic() > end:
                return entries
            time.sleep(1)


if __name__ == "__main__":
    unittest.main()
