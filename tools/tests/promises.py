"""What the tests of the promises share: one stack with two hosts, users who try again, and the checks of what became of it."""
import collections, contextlib, http.client, json, os, pathlib, re, subprocess, tempfile, threading, time
import unittest, urllib.request, uuid
from datetime import datetime, timedelta, timezone

from tools.tests.served import ROOT, SECRET, token

ANSWER_S_MAX = 6
NO_ANSWER = (0, 429, 502, 503, 504)


def number(name, default):
    """How much of something a run does: few by default, so that all promises fit into CI; more by hand."""
    return int(os.environ.get(f"PROMISES_{name}", default))


def moment(at):
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def instant(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def soon(seconds):
    return datetime.now(timezone.utc).replace(microsecond=0) + timedelta(seconds=seconds)


def stack(*arguments):
    done = subprocess.run([ROOT / "tools/stack", *arguments, "--dir", Stack.dir], capture_output=True, text=True)
    if done.returncode:
        raise AssertionError(f"tools/stack {' '.join(arguments)}: {done.stderr[-2000:]}")
    return done.stdout


class Stack:
    dir = os.environ.get("PROMISES_DIR") or tempfile.mkdtemp(dir="/var/tmp", prefix="tickler-promises-")
    facts = {}

    @classmethod
    def up(cls, hosts=2, *env):
        env = ["TICKLER_AUTH=jwt", f"TICKLER_JWT_SECRET={SECRET}", "TICKLER_RATE_USER=0", *env]
        out = stack("up", "--hosts", str(hosts), *[word for one in env for word in ("--env", one)])
        cls.facts = dict(line.split("=", 1) for line in out.splitlines())

    @staticmethod
    def port(name):
        return json.loads(pathlib.Path(Stack.dir, "stack.json").read_text())["ports"][name]


def scraped(port, name, *labels):
    """The sum of a metric's series that carry these labels."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if re.match(rf"{name}[{{ ]", line) and all(one in line for one in labels))


@contextlib.contextmanager
def kubelet():
    """Restarts what ends by itself, as a cluster would."""
    watch = subprocess.Popen([ROOT / "tools/stack", "watch", "--dir", Stack.dir], stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        watch.terminate(), watch.wait()


class User:
    """A client that sends again what got no answer, under the same key, to the other host; a pinned one to its own."""

    def __init__(self, name, host=1, pinned=False):
        self.name, self.bearer, self.slowest, self.host, self.pinned = name, token(name), 0, host, pinned
        self.kind = "application/json"
        self.version, self.replayed, self.retried, self.tries_max = 0, False, 0, 1
        self.refused_at = 0

    def once(self, method, path, body=None, key=None, host=None):
        """The status (0: none) and the body of an answer."""
        address = Stack.facts[f"BASE_URL_{host or self.host}"].removeprefix("http://")
        headers = {"authorization": f"Bearer {self.bearer}", "content-type": self.kind}
        if key:
            headers["idempotency-key"] = key
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body)
        began = time.monotonic()
        try:
            with contextlib.closing(http.client.HTTPConnection(address, timeout=20)) as connection:
                connection.request(method, path, data, headers)
                answer = connection.getresponse()
                text = answer.read()
            self.headers = answer.headers
            self.next = re.search(r"[?&]cursor=([^&>]+)[^>]*>; *rel=.?next", answer.getheader("link") or "")
            self.version = int(answer.getheader("tickler-version") or 0)
            is_json = re.search(r"[/+]json", answer.getheader("content-type") or "")
            return answer.status, json.loads(text) if is_json and text else text
        except (OSError, http.client.HTTPException) as why:
            return 0, str(why)
        finally:
            self.slowest = max(self.slowest, time.monotonic() - began)

    def sure(self, method, path, body=None, within=60):
        key, end, tried = str(uuid.uuid4()), time.monotonic() + within, 0
        while True:
            tried += 1
            status, answer = self.once(method, path, body, key if method != "GET" else None)
            self.tries_max = max(self.tries_max, tried)
            if status not in NO_ANSWER:
                return status, answer
            if time.monotonic() > end:
                raise AssertionError(f"{method} {path}: {status} {answer} after {tried} tries in {within} s")
            self.retried, self.refused_at = self.retried + 1, time.monotonic()
            if self.pinned:  # as an answer asks; another host needs no rest
                time.sleep(float(self.headers.get("retry-after") or 0.1) if status else 0.1)
            else:
                self.host = 3 - self.host
                time.sleep(0.1)

    def tasks(self):
        found, cursor = [], ""
        while True:
            status, page = self.sure("GET", f"/api/v1/tasks?limit=100{cursor}")
            assert status == 200, page
            found += page
            if not self.next:
                return found
            cursor = f"&cursor={self.next[1]}"

    def created_events(self):
        """The ids of the task.created events in the user's audit trail."""
        found, cursor = [], ""
        while True:
            status, page = self.sure("GET", f"/api/v1/audit?event_type=task.created&limit=100{cursor}")
            assert status == 200, page
            found += [entry["event_id"] for entry in page["entries"]]
            if not page.get("next_cursor"):
                return found
            cursor = f"&cursor={page['next_cursor']}"


class Load:
    """Users who create tasks, without pause, until told to stop. Knows what was acknowledged and when."""

    def __init__(self, users, remind=True, **how):
        self.users = [User(f"load-{uuid.uuid4()}", **{"host": 1 + n % 2, **how}) for n in range(users)]
        self.remind = remind
        self.acknowledged = collections.defaultdict(list)
        self.wrong, self.stopping = [], False
        self.threads = [threading.Thread(target=self.run, args=(user,)) for user in self.users]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping = True
        for thread in self.threads:
            thread.join()

    def run(self, user):
        number = 0
        try:
            while not self.stopping:
                number += 1
                title = f"{user.name} {number}"
                # Some need the scheduler before they are answered: each is due before all others of this user.
                at = (datetime(2099, 1, 1) - timedelta(hours=number)).isoformat() + "Z"
                more = {"reminders": [{"remind_at": at}]} if number % 5 == 0 and self.remind else {}
                status, answer = user.sure("POST", "/api/v1/tasks", {"title": title, **more})
                if status != 201:
                    self.wrong.append((status, answer))
                    return
                self.acknowledged[user.name].append(title)
                time.sleep(0.02)  # what has gathered while Kafka was away goes out one by one, and the test waits for it
        except AssertionError as why:
            self.wrong.append(str(why))

    def count(self):
        return sum(map(len, self.acknowledged.values()))

    def slowest(self):
        return max(user.slowest for user in self.users)

    def served_after(self, since, watch):
        """Seconds from a moment to the last call that had to be sent again, watched for so long; None where at the end
        somebody has not been served for a while. Each has acknowledgements of tasks with a reminder among them."""
        time.sleep(max(since + watch - 5 - time.monotonic(), 0))
        counts = {user.name: len(self.acknowledged[user.name]) for user in self.users}
        time.sleep(5)
        if any(len(self.acknowledged[name]) <= count + 5 for name, count in counts.items()):
            return None
        return max(0, max(user.refused_at for user in self.users) - since)


def all_at_once(people, do, threads=16):
    """Does something for each, some at a time; the first failure is raised."""
    waiting, failed = list(people), []

    def work():
        while waiting and not failed:
            try:
                do(waiting.pop())
            except IndexError:
                return
            except BaseException as why:
                failed.append(why)
    crew = [threading.Thread(target=work) for _ in range(threads)]
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()
    if failed:
        raise failed[0]


def eventually(true, within, what):
    end = time.monotonic() + within
    while not (value := true()):
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {within} s")
        time.sleep(0.2)
    return value


def on_topic(topic):
    """The events of a topic in the order of each partition, as the broker has them on disk."""
    found = []
    for log in sorted(pathlib.Path(Stack.dir, "kafka").glob(f"{topic}-[0-9]*/*.log")):
        command = ["java", "-cp", f"{Stack.facts['ENGINES']}/kafka/*", "kafka.tools.DumpLogSegments", "--print-data-log",
                   "--max-message-size", "100000000", "--files", log]
        out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        found += [json.loads(line.split(" payload: ", 1)[1]) for line in out.splitlines() if " payload: {" in line]
    return found


class Promises(unittest.TestCase):
    """What must hold after whatever happened."""

    def kept(self, load):
        """Everything acknowledged is there, once."""
        self.assertEqual(load.wrong, [])
        for user in load.users:
            titles = collections.Counter(task["title"] for task in user.tasks())
            twice = {title: count for title, count in titles.items() if count > 1}
            lost = set(load.acknowledged[user.name]) - set(titles)
            self.assertEqual(sorted(lost)[:3], [], f"{user.name}: {len(lost)} acknowledged and lost")
            self.assertEqual(sorted(twice)[:3], [], f"{user.name}: {len(twice)} there twice")

    def in_order(self, load):
        """Every acknowledged task is on its topic, once per id, in the order of its list."""
        users, seen = {user.name for user in load.users}, collections.defaultdict(dict)
        for event in on_topic("todo.task-events"):
            if event["data"]["user_id"] in users and event["type"] == "task.created":
                seen[event["data"]["user_id"]].setdefault(event["id"], event["data"])
        for user in load.users:
            told = list(seen[user.name].values())
            self.assertEqual([data["title"] for data in told], load.acknowledged[user.name], "not each once, in order")
            sequences = [data["sequence"] for data in told]
            self.assertEqual(sequences, sorted(set(sequences)))

    def in_the_trail(self, load, within=120):
        """Every acknowledged task is in the audit trail, once."""
        end = time.monotonic() + within
        for user in load.users:
            while True:
                events = user.created_events()
                missing = len(load.acknowledged[user.name]) - len(events)
                if missing <= 0 or time.monotonic() > end:
                    break
                time.sleep(0.5)
            self.assertLessEqual(missing, 0, f"{user.name}: events missing")
            self.assertEqual(len(events), len(set(events)), f"{user.name}: events twice")
