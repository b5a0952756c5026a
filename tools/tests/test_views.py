"""What becomes of events on the real engines: what nobody can read is set aside, a webhook is called once by two hosts, what an
alarm forgot the patrol finds, a reminder by mail comes once, and a start without PostgreSQL waits for it.

Needs a binary (TICKLER_BIN, or target/release/tickler). One stack with two hosts serves all tests.

    python3 -m unittest tools/tests/test_views.py
"""
import asyncio, collections, email, email.policy, json, os, pathlib, re, shutil, subprocess, sys, threading, time, unittest, urllib.error, urllib.request, uuid
from datetime import datetime, timedelta, timezone

from tools.tests.packages import install
from tools.tests.promises import ROOT, Stack, User, stack
from tools.tests.served import stand_in

BINARY = os.environ.get("TICKLER_BIN") or ROOT / "target/release/tickler"
MAIL_SERVER = "aiosmtpd==1.4.6"


class Mailbox:
    """What came by mail, by recipient. The first mail to each is put off once."""
    mails, offered = collections.defaultdict(list), collections.Counter()

    @classmethod
    def open(cls):
        sys.path.insert(0, str(install([MAIL_SERVER]) / "python"))
        from aiosmtpd.smtp import SMTP
        cls.loop = asyncio.new_event_loop()
        server = cls.loop.run_until_complete(cls.loop.create_server(lambda: SMTP(cls(), loop=cls.loop), "127.0.0.1", 0))
        threading.Thread(target=cls.loop.run_forever, daemon=True).start()
        return server.sockets[0].getsockname()[1]

    async def handle_DATA(self, _server, _session, envelope):
        for address in envelope.rcpt_tos:
            self.offered[address] += 1
            if self.offered[address] == 1:
                return "451 4.3.0 not now"
            self.mails[address].append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        return "250 2.0.0 taken"


def setUpModule():
    Stack.up(2, "TICKLER_OUTBOUND_ALLOW=127.0.0.0/8", f"TICKLER_SMTP_URL=smtp://127.0.0.1:{Mailbox.open()}",
             "TICKLER_MAIL_FROM=Tickler <tickler@example.org>")


def tearDownModule():
    Mailbox.loop.call_soon_threadsafe(Mailbox.loop.stop)
    if not os.environ.get("PROMISES_KEEP"):
        stack("down")


def eventually(check, seconds=30):
    end = time.monotonic() + seconds
    while not (value := check()):
        if time.monotonic() > end:
            raise AssertionError("not in time")
        time.sleep(0.2)
    return value


def call(url, body=None, headers=None, method=None):
    request = urllib.request.Request(url, body, headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


def fresh(what):
    return User(f"{what}-{uuid.uuid4()}")


def total(user, kind):
    _, page = user.sure("GET", f"/api/v1/audit?event_type={kind}")
    return page["total"]


def metric(name, actor):
    """The sum of a counter over both hosts."""
    pages = [call(f"{Stack.facts[f'BASE_URL_{host}']}/metrics")[1] for host in (1, 2)]
    found = [re.search(rf'^{name}{{actor="{actor}"}} (\d+)', page, re.M) for page in pages]
    return sum(int(match[1]) for match in found if match)


class DeadLetters(unittest.TestCase):
    def publish(self, user, body):
        """Puts bytes, as they are, on the partition that holds the user's events."""
        query = f"metadata.rawPayload=true&metadata.partitionKey={user.name}"
        url = f"{Stack.facts['DAPR_HTTP_1']}/v1.0/publish/pubsub-kafka/todo.task-events?{query}"
        status, answer = call(url, body, {"content-type": "application/octet-stream"})
        self.assertEqual(204, status, answer)

    def dlq(self, *arguments, stdin=None):
        environment = {"PATH": os.environ["PATH"], "DATABASE_URL": Stack.facts["DATABASE_URL"]}
        data = ["--data", Stack.dir]
        done = subprocess.run([BINARY, "dlq", *arguments, *data], input=stdin, capture_output=True, env=environment, text=True)
        return done.returncode, done.stdout, done.stderr

    def waiting(self, mark):
        """The letter whose event holds a mark: its id and its line."""
        for line in self.dlq("list")[1].splitlines():
            if mark in self.dlq("show", line.split()[0])[1]:
                return line.split()[0], line

    def test_what_nobody_can_read_is_set_aside_and_replayed_once(self):
        user, marks = fresh("dead"), [f"mark-{n}-{uuid.uuid4()}" for n in range(3)]
        event = {"specversion": "1.0", "source": "test", "type": "task.created", "time": "2027-01-01T00:00:00.000Z"}
        nobody = {**event, "id": marks[1], "data": {"task_id": "t"}}
        stored_by_nobody = {**event, "id": f"{marks[2]}\0", "data": {"user_id": user.name}}
        poison = [f"{{not JSON, {marks[0]}".encode(), json.dumps(nobody).encode(), json.dumps(stored_by_nobody).encode()]
        for number, body in enumerate(poison):
            user.sure("POST", "/api/v1/tasks", {"title": f"Before {number}"})
            self.publish(user, body)
        user.sure("POST", "/api/v1/tasks", {"title": "After"})
        eventually(lambda: total(user, "task.created") == 4, 60)  # the partition goes on
        reasons = ["no JSON", "names no user", "invalid byte sequence"]
        letters = []
        for mark, reason in zip(marks, reasons):
            letter, line = eventually(lambda: self.waiting(mark), 60)
            self.assertIn(reason, line)
            self.assertIn("todo.task-events", line)
            letters.append(letter)
        code, _, said = self.dlq("replay", letters[1])
        self.assertEqual((1, True), (code, "mend it" in said), said)
        mended = json.dumps({**nobody, "data": {"task_id": "t", "user_id": user.name}})
        for code in (0, 1):
            self.assertEqual(code, self.dlq("replay", letters[1], "--event", "-", stdin=mended)[0])
            self.assertEqual(5, total(user, "task.created"))
        for letter in (letters[0], letters[2]):
            self.assertEqual(0, self.dlq("drop", letter)[0])
        self.assertIsNone(self.waiting(marks[0]))


class Webhooks(unittest.TestCase):
    def test_two_hosts_call_a_webhook_once_and_in_order(self):
        came = []

        def take(request, body):
            came.append((request.headers["webhook-id"], json.loads(body)["data"]["sequence"]))
            time.sleep(0.02)  # long enough for the other host to want the next one
            request.send_response(200), request.end_headers()
        url = stand_in(self, take)
        user, count = fresh("hook"), 60
        hook = {"url": url, "events": ["task.created"]}
        self.assertEqual(201, user.sure("POST", "/api/v1/webhooks", hook)[0])
        for number in range(count):
            user.host = 1 + number % 2
            self.assertEqual(201, user.sure("POST", "/api/v1/tasks", {"title": f"{number}"})[0])
        eventually(lambda: len(came) >= count, 90)
        time.sleep(3)
        self.assertEqual(count, len(came), "called once for each")
        self.assertEqual(count, len({event for event, _ in came}))
        self.assertEqual(sorted(sequence for _, sequence in came), [sequence for _, sequence in came], "in order")


class Mail(unittest.TestCase):
    def test_a_reminder_comes_by_mail_once_from_two_hosts(self):
        due, people = datetime.now(timezone.utc) + timedelta(seconds=10), [fresh("mail") for _ in range(8)]
        for number, user in enumerate(people):
            user.host = 1 + number % 2
            remind = {"remind_at": due.isoformat(), "channels": ["in_app", "email"], "email_address": f"{user.name}@example.org"}
            task = {"title": f"Ring <{user.name}> & \u00c4nne", "reminders": [remind]}
            self.assertEqual(201, user.sure("POST", "/api/v1/tasks", task)[0])
        addresses = [f"{user.name}@example.org" for user in people]
        eventually(lambda: all(Mailbox.mails[address] for address in addresses), 90)
        for user in people:
            def sent():
                found = user.sure("GET", "/api/v1/notifications")[1]["notifications"]
                return [one for one in found[0]["deliveries"] if (one["channel"], one["status"]) == ("email", "sent")]
            self.assertEqual(2, eventually(sent)[0]["attempts"])
        time.sleep(10)  # longer than the rest after which it would come again
        for user, address in zip(people, addresses):
            self.assertEqual((1, 2), (len(Mailbox.mails[address]), Mailbox.offered[address]), address)
            mail = Mailbox.mails[address][0]
            self.assertEqual((address, "Tickler <tickler@example.org>"), (mail["to"], mail["from"]))
            self.assertEqual(f"Reminder: Ring <{user.name}> & \u00c4nne", mail["subject"])
            self.assertIn("mailto:tickler@example.org", mail["list-unsubscribe"])
            self.assertIn(f"Ring <{user.name}> & \u00c4nne", mail.get_body(("plain",)).get_content())
            self.assertIn(f"Ring &lt;{user.name}&gt; &amp; \u00c4nne", mail.get_body(("html",)).get_content())
        ids = {mail["message-id"] for address in addresses for mail in Mailbox.mails[address]}
        self.assertEqual(len(people), len(ids))


class Patrol(unittest.TestCase):
    def sidecar(self, path):
        token = {"dapr-api-token": Stack.facts["APP_API_TOKEN"]}
        status, answer = call(f"{Stack.facts['SIDECAR_URL_1']}{path}", b"{}", token, "POST")
        self.assertEqual(200, status, answer)

    def fired(self, user):
        _, page = user.sure("GET", "/api/v1/reminders")
        return [reminder for reminder in page["reminders"] if reminder["status"] == "triggered"]

    def test_what_the_scheduler_forgot_is_found(self):
        found = "tickler_patrol_overdue_total"
        due = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(seconds=45)
        moment = due.isoformat().replace("+00:00", "Z")
        user = fresh("patrol")
        self.assertEqual(201, user.sure("POST", "/api/v1/tasks", {"title": "Forgotten", "reminders": [{"remind_at": moment}]})[0])
        rule = {"recurrence": "0 0 1 1 *", "start": moment, "task": {"title": "Forgotten too"}}
        hourly = {**rule, "recurrence": "FREQ=HOURLY;INTERVAL=1"}
        self.assertEqual(201, user.sure("POST", "/api/v1/recurrences", hourly)[0])
        eventually(lambda: total(user, "reminder.scheduled") and total(user, "recurrence.started"))
        time.sleep(1)
        stack("stop", "scheduler")
        shutil.rmtree(pathlib.Path(Stack.dir) / "scheduler")
        stack("restart", "scheduler")
        self.sidecar("/cron-reminders"), self.sidecar("/cron-recurrence")
        before = [metric(found, "ReminderActor"), metric(found, "RecurrenceActor")]
        time.sleep((due - datetime.now(timezone.utc)).total_seconds() + 125)
        # Not asked of the actor: whoever is read, looks at its clock.
        self.assertEqual(0, total(user, "reminder.triggered"), "the alarm was not lost: this test shows nothing")
        self.sidecar("/cron-reminders"), self.sidecar("/cron-recurrence")
        eventually(lambda: self.fired(user), 60)
        eventually(lambda: any(task["title"] == "Forgotten too" for task in user.tasks()), 60)
        after = [metric(found, "ReminderActor"), metric(found, "RecurrenceActor")]
        self.assertEqual([before[0] + 1, before[1] + 1], after)
        eventually(lambda: total(user, "reminder.triggered") == 1)
        self.sidecar("/job/patrol")
        self.assertEqual(after, [metric(found, "ReminderActor"), metric(found, "RecurrenceActor")], "found once")
        self.assertEqual(1, len(self.fired(user)))


class Start(unittest.TestCase):
    def test_a_start_without_postgres_waits_for_it(self):
        stack("stop", "app-2"), stack("stop", "daprd-2"), stack("kill", "postgres")
        starting = subprocess.Popen([ROOT / "tools/stack", "restart", "app-2", "--dir", Stack.dir], stderr=subprocess.DEVNULL)
        base = Stack.facts["BASE_URL_2"]
        status, answer = eventually(lambda: (found := call(f"{base}/ready"))[0] and found)
        self.assertEqual((503, True), (status, "PostgreSQL at" in answer), answer)
        self.assertEqual(200, call(f"{base}/health")[0])
        self.assertEqual(503, call(f"{base}/api/v1/tasks")[0])
        stack("restart", "postgres"), stack("restart", "daprd-2")
        self.assertEqual(0, starting.wait(), "it came by itself")
        eventually(lambda: call(f"{base}/ready")[0] == 200, 60)
        user = fresh("start")
        user.host = 2
        self.assertEqual(201, user.sure("POST", "/api/v1/tasks", {"title": "There again"})[0])


if __name__ == "__main__":
    unittest.main()
