"""The promises on the real engines: what was acknowledged outlives every kill, once; reminders fire once, never early; a host
that was frozen neither overwrites nor shows what is old; Kafka may be away.

Needs a binary (TICKLER_BIN, or target/release/tickler). One stack with two hosts serves all tests.

    python3 -m unittest tools/tests/test_promises.py
"""
import base64, collections, hashlib, hmac, http.client, json, os, pathlib, re, subprocess, tempfile, threading, time, unittest, uuid
from datetime import datetime, timedelta, timezone

ROOT = pathlib.Path(__file__).resolve().parents[2]
SECRET = "a secret of the tests alone, 32 bytes or more"
ANSWER_S_MAX = 6
HEAL_S_MAX = float(os.environ.get("PROMISES_HEAL_S", "20"))
LOAD_S = float(os.environ.get("PROMISES_LOAD_S", "4"))


def stack(*arguments):
    done = subprocess.run([ROOT / "tools/stack", *arguments, "--dir", Stack.dir], capture_output=True, text=True)
    if done.returncode:
        raise AssertionError(f"tools/stack {' '.join(arguments)}: {done.stderr[-2000:]}")
    return done.stdout


class Stack:
    dir = os.environ.get("PROMISES_DIR") or tempfile.mkdtemp(dir="/var/tmp", prefix="tickler-promises-")
    facts = {}

    @classmethod
    def up(cls):
        out = stack("up", "--hosts", "2", "--env", "TICKLER_AUTH=jwt", "--env", f"TICKLER_JWT_SECRET={SECRET}",
                    "--env", "TICKLER_RATE_USER=0")
        cls.facts = dict(line.split("=", 1) for line in out.splitlines())


def setUpModule():
    Stack.up()


def tearDownModule():
    if not os.environ.get("PROMISES_KEEP"):
        stack("down")


def token(user):
    def part(value):
        return base64.urlsafe_b64encode(value).rstrip(b"=")
    head = part(b'{"alg":"HS256","typ":"JWT"}') + b"." + part(json.dumps({"sub": user, "exp": 4102444800}).encode())
    return (head + b"." + part(hmac.new(SECRET.encode(), head, hashlib.sha256).digest())).decode()


class User:
    """A client that sends again what got no answer, under the same key, to the other host."""

    def __init__(self, name):
        self.name, self.bearer, self.slowest, self.host = name, token(name), 0, 1

    def once(self, method, path, body=None, key=None, host=None):
        address = Stack.facts[f"BASE_URL_{host or self.host}"].removeprefix("http://")
        headers = {"authorization": f"Bearer {self.bearer}", "content-type": "application/json"}
        if key:
            headers["idempotency-key"] = key
        began = time.monotonic()
        try:
            connection = http.client.HTTPConnection(address, timeout=20)
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            answer = connection.getresponse()
            text = answer.read()
            self.next = re.search(r"[?&]cursor=([^&>]+)[^>]*>; *rel=.?next", answer.getheader("link") or "")
            connection.close()
            return answer.status, json.loads(text) if text else None
        except (OSError, http.client.HTTPException) as why:
            return 0, str(why)
        finally:
            self.slowest = max(self.slowest, time.monotonic() - began)

    def sure(self, method, path, body=None, within=60):
        key, end, tried = str(uuid.uuid4()), time.monotonic() + within, 0
        while True:
            tried += 1
            status, answer = self.once(method, path, body, key if method != "GET" else None)
            if status not in (0, 429, 502, 503, 504):
                return status, answer
            if time.monotonic() > end:
                raise AssertionError(f"{method} {path}: {status} {answer} after {tried} tries in {within} s")
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


class Load:
    """Users who create tasks, without pause, until told to stop. Knows what was acknowledged and when nothing was."""

    def __init__(self, users):
        self.users = [User(f"load-{uuid.uuid4()}") for _ in range(users)]
        self.acknowledged = collections.defaultdict(list)
        self.times, self.wrong, self.stopping = [], [], False
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
                status, answer = user.sure("POST", "/api/v1/tasks", {"title": title})
                if status != 201:
                    self.wrong.append((status, answer))
                    return
                self.acknowledged[user.name].append(title)
                self.times.append(time.monotonic())
        except AssertionError as why:
            self.wrong.append(str(why))

    def answered_after(self, moment, within):
        """Seconds from a moment until every user has an acknowledgement again."""
        end = moment + within
        counts = {user.name: len(self.acknowledged[user.name]) for user in self.users}
        while any(len(self.acknowledged[name]) <= count for name, count in counts.items()):
            if time.monotonic() > end:
                return None
            time.sleep(0.05)
        return time.monotonic() - moment


class Promises(unittest.TestCase):
    def kept(self, load):
        self.assertEqual(load.wrong, [])
        for user in load.users:
            titles = collections.Counter(task["title"] for task in user.tasks())
            twice = {title: count for title, count in titles.items() if count > 1}
            lost = set(load.acknowledged[user.name]) - set(titles)
            self.assertEqual(sorted(lost)[:3], [], f"{user.name}: {len(lost)} acknowledged and lost")
            self.assertEqual(sorted(twice)[:3], [], f"{user.name}: {len(twice)} there twice")

    def in_the_trail(self, load, within=60):
        """Every acknowledged task is in the audit trail, once."""
        end = time.monotonic() + within
        for user in load.users:
            while True:
                events = self.events(user)
                missing = len(load.acknowledged[user.name]) - len(events)
                if missing <= 0 or time.monotonic() > end:
                    break
                time.sleep(0.5)
            self.assertLessEqual(missing, 0, f"{user.name}: events missing")
            self.assertEqual(len(events), len(set(events)), f"{user.name}: events twice")

    def events(self, user):
        found, cursor = [], ""
        while True:
            status, page = user.sure("GET", f"/api/v1/audit?event_type=task.created&limit=100{cursor}")
            self.assertEqual(status, 200, page)
            found += [entry["event_id"] for entry in page["entries"]]
            if not page.get("next_cursor"):
                return found
            cursor = f"&cursor={page['next_cursor']}"

    def broken(self, *names, heal=HEAL_S_MAX):
        with Load(6) as load:
            time.sleep(LOAD_S)
            for name in names:
                stack("kill", name)
            time.sleep(2)
            for name in names:
                subprocess.Popen([ROOT / "tools/stack", "restart", name, "--dir", Stack.dir], stderr=subprocess.DEVNULL).wait()
            back = load.answered_after(time.monotonic(), heal)
            time.sleep(1)
        slowest = max(user.slowest for user in load.users)
        count = sum(map(len, load.acknowledged.values()))
        print(f"killed {'+'.join(names)}: {count} acknowledged, all answered {back and round(back, 1)} s after the heal, "
              f"slowest answer {slowest:.1f} s", flush=True)
        self.assertIsNotNone(back, f"not back within {heal} s")
        self.kept(load)
        self.in_the_trail(load)
        self.assertLess(slowest, ANSWER_S_MAX)

    def test_kill_app(self):
        self.broken("app-1")

    def test_kill_daprd(self):
        self.broken("daprd-2")

    def test_kill_host(self):
        self.broken("app-2", "daprd-2")

    def test_kill_kafka(self):
        self.broken("kafka")

    def test_kill_postgres(self):
        self.broken("postgres")

    def test_kill_placement(self):
        self.broken("placement")

    def test_kill_scheduler(self):
        self.broken("scheduler", heal=30)

    def test_kafka_away(self):
        with Load(4) as load:
            stack("kill", "kafka")
            time.sleep(8)
            during = len(load.times)
            stack("restart", "kafka")
            time.sleep(2)
        print(f"kafka away: {during} writes acknowledged meanwhile", flush=True)
        self.assertGreater(during, 20)
        self.kept(load)
        self.in_the_trail(load, 120)

    def test_fence(self):
        """A host is frozen past failover, others write, it thaws: nothing lost, nothing old read after a second."""
        episodes = int(os.environ.get("PROMISES_FENCE", "3"))
        for episode in range(episodes):
            frozen = 1 + episode % 2
            with Load(4) as load:
                time.sleep(1.5)
                stack("pause", f"app-{frozen}"), stack("pause", f"daprd-{frozen}")
                time.sleep(9)
                stack("continue", f"daprd-{frozen}"), stack("continue", f"app-{frozen}")
                time.sleep(1.2)
                for user in load.users:
                    known = len(load.acknowledged[user.name])
                    status, page = user.once("GET", "/api/v1/tasks?limit=100&sort=created_at", host=frozen)
                    if status == 200:
                        seen = len(user.tasks())
                        self.assertGreaterEqual(seen, known, f"{user.name}: an old read after the thaw")
                time.sleep(1)
            self.kept(load)
        print(f"fence: {episodes} episodes", flush=True)

    def test_many_reminders_at_once(self):
        count, users = int(os.environ.get("PROMISES_REMINDERS", "2000")), 100
        people = [User(f"nine-{uuid.uuid4()}") for _ in range(users)]
        each = count // users
        due = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(seconds=max(40, count // 25))

        def set_up(user):
            for number in range(each):
                at = due + timedelta(milliseconds=number * 1000 // each)
                moment = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
                status, answer = user.sure("POST", "/api/v1/tasks", {"title": f"{number}", "reminders": [{"remind_at": moment}]})
                self.assertEqual(status, 201, answer)

        self.all_at_once(people, set_up)
        spare = (due - datetime.now(timezone.utc)).total_seconds()
        self.assertGreater(spare, 0, "setting up took too long")
        time.sleep(spare + 2)
        late, found, end = [], 0, time.monotonic() + 60
        for user in people:
            while True:
                _, listed = user.sure("GET", "/api/v1/reminders?limit=100")
                if all(reminder["triggered_at"] for reminder in listed["reminders"]) or time.monotonic() > end:
                    break
                time.sleep(0.2)
            for reminder in listed["reminders"]:
                self.assertIsNotNone(reminder["triggered_at"], "a reminder did not fire within a minute")
                fired, moment = (datetime.fromisoformat(reminder[k].replace("Z", "+00:00")) for k in ("triggered_at", "remind_at"))
                late.append((fired - moment).total_seconds())
            _, inbox = user.sure("GET", "/api/v1/notifications?limit=100")
            reminders = [entry["reminder_id"] for entry in inbox["notifications"]]
            self.assertEqual(len(reminders), len(set(reminders)), "a reminder fired twice")
            found += len(reminders)
        late.sort()
        print(f"{found} reminders: lateness p50 {late[len(late) // 2]:.3f} s, p99 {late[len(late) * 99 // 100]:.3f} s, "
              f"most {late[-1]:.3f} s, least {late[0]:.3f} s", flush=True)
        self.assertEqual(found, each * users)
        self.assertGreaterEqual(late[0], 0, "a reminder fired early")

    @staticmethod
    def all_at_once(people, do, threads=16):
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


if __name__ == "__main__":
    unittest.main()
