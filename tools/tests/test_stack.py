"""tools/stack against the real engines, with a stand-in for the app: python3 -m unittest discover tools/tests"""
import json, os, pathlib, signal, subprocess, tempfile, time, unittest, urllib.error, urllib.request

HERE = pathlib.Path(__file__).resolve().parent
ENGINES = ["postgres", "kafka", "placement", "scheduler"]


class Stack:
    def __init__(self, *arguments):
        self.folder = tempfile.TemporaryDirectory()
        self.dir = pathlib.Path(self.folder.name).resolve()
        self.facts = dict(line.split("=", 1) for line in self("up", "--bin", str(HERE / "standin.py"), *arguments).splitlines())

    def __call__(self, command, *arguments, refused=False):
        done = subprocess.run([HERE.parent / "stack", command, "--dir", self.dir, *arguments], capture_output=True, text=True)
        if (done.returncode != 0) != refused:
            raise AssertionError(f"{command} {arguments}: {done.stderr}")
        return done.stderr if refused else done.stdout

    def close(self):
        self("down")
        left = processes(self.dir)
        self.folder.cleanup()
        if left:
            raise AssertionError(f"left after down: {left}")

    def http(self, fact, path, body=None, method=None):
        """The status and the answer of a request to what a fact names."""
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.facts[fact] + path, data, {"content-type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=5) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def calls(self, host, path):
        _, answer = self.http(f"BASE_URL_{host}", "/calls")
        return [call for call in json.loads(answer) if call["path"].startswith(path)]


def processes(folder):
    """The processes that a stack started: they write to its folder."""
    found = []
    for link in pathlib.Path("/proc").glob("[0-9]*/fd/1"):
        try:
            if os.readlink(link).startswith(f"{folder}/"):
                found.append(int(link.parent.parent.name))
        except OSError:
            pass
    return found


def eventually(check, seconds=30):
    end = time.monotonic() + seconds
    while not (value := check()):
        if time.monotonic() > end:
            raise AssertionError("not in time")
        time.sleep(0.05)
    return value


class TwoHosts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack("--hosts", "2", "--env", "TICKLER_ZONE=Europe/Berlin")
        cls.addClassCleanup(cls.stack.close)
        cls.count = 0

    def fresh(self):
        type(self).count += 1
        return f"thing-{self.count}"

    def save(self, key, host=1):
        """Inserts a key that must not be there."""
        item = {"key": key, "value": key, "options": {"concurrency": "first-write"}}
        return self.stack.http(f"DAPR_HTTP_{host}", "/v1.0/state/statestore", [item])[0]

    def publish(self, topic, event_id, host=1):
        event = {"specversion": "1.0", "id": event_id, "type": "task.created", "source": "test", "data": {}}
        return self.stack.http(f"DAPR_HTTP_{host}", f"/v1.0/publish/pubsub-kafka/{topic}", event)[0]

    def consumed(self, topic, event_id):
        """On how many hosts the event has arrived."""
        return sum(any(event_id in call["body"] for call in self.stack.calls(host, f"/events/{topic}")) for host in (1, 2))

    def works(self):
        """State, actors, reminders and events do what they should, from and to both hosts."""
        key = self.fresh()
        for host in (1, 2):
            eventually(lambda: self.save(f"{key}-{host}", host) == 204)
            eventually(lambda: self.stack.http(f"DAPR_HTTP_{host}", f"/v1.0/actors/TaskListActor/{key}/method/do", {})[0] == 200)
            eventually(lambda: self.publish("todo.task-events", f"{key}-{host}", host) == 204)
        eventually(lambda: all(self.consumed("task-events", f"{key}-{host}") for host in (1, 2)))
        self.remind(key)

    def remind(self, key):
        path = f"/v1.0/actors/TaskListActor/{key}/reminders/wake"
        eventually(lambda: self.stack.http("DAPR_HTTP_1", path, {"dueTime": "0h0m0s100ms"})[0] == 204)
        path = f"/actors/TaskListActor/{key}/method/remind/wake"
        eventually(lambda: any(self.stack.calls(host, path) for host in (1, 2)), 60)

    def test_a_second_insert_of_a_key_is_refused(self):
        key = self.fresh()
        self.assertEqual(204, self.save(key, 1))
        self.assertEqual(500, self.save(key, 2))

    def test_a_reminder_calls_its_actor_back_with_the_token(self):
        key = self.fresh()
        self.remind(key)
        calls = [call for host in (1, 2) for call in self.stack.calls(host, f"/actors/TaskListActor/{key}/")]
        self.assertTrue(calls and all(call["trusted"] for call in calls))

    def test_an_event_reaches_one_host_and_an_update_every_host(self):
        key = self.fresh()
        self.publish("todo.reminders", key)
        self.publish("todo.task-updates", key)
        eventually(lambda: self.consumed("task-updates", key) == 2)
        eventually(lambda: self.consumed("reminders", key) == 1)

    def test_the_other_names_work(self):
        key = self.fresh()
        event = {"specversion": "1.0", "id": key, "type": "task.created", "source": "test", "data": {}}
        self.assertEqual(204, self.stack.http("DAPR_HTTP_2", "/v1.0/publish/kafka-pubsub/todo.reminders", event)[0])
        eventually(lambda: self.consumed("reminders", key) == 1)
        self.assertEqual(200, self.stack.http("DAPR_HTTP_1", "/v1.0/invoke/todo-backend/method/hello")[0])
        secret = json.loads(self.stack.http("DAPR_HTTP_1", "/v1.0/secrets/secrets-local/tickler")[1])
        self.assertEqual(self.stack.facts["DATABASE_URL"], secret["DATABASE_URL"])

    def test_each_process_survives_being_killed_restarted_and_paused(self):
        for name in [*ENGINES, "daprd-1", "app-1"]:
            with self.subTest(name):
                self.stack("kill", name)
                self.stack("restart", name)
                self.stack("pause", name)
                self.stack("continue", name)
                self.stack("restart", name)
                self.works()

    def test_events_wait_for_an_app_that_is_away(self):
        """With a bounded retry Dapr would put them into the dead-letter topic, and nobody would read them."""
        key = self.fresh()
        self.stack("kill", "app-1")
        self.stack("kill", "app-2")
        for n in range(10):
            self.assertEqual(204, self.publish("todo.task-events", f"{key}-away-{n}-"))
        time.sleep(10)
        self.stack("restart", "app-1")
        self.stack("restart", "app-2")
        eventually(lambda: all(self.consumed("task-events", f"{key}-away-{n}-") for n in range(10)))

    def test_a_paused_database_answers_nobody(self):
        self.stack("pause", "postgres")
        try:
            self.assertEqual(0, self.save(self.fresh()), "no answer within the patience of http()")
        finally:
            self.stack("continue", "postgres")
        eventually(lambda: self.save(self.fresh()) == 204)

    def test_what_listens_listens_on_loopback(self):
        sockets = set()
        for pid in processes(self.stack.dir):
            for file in pathlib.Path(f"/proc/{pid}/fd").iterdir():
                if (target := os.readlink(file)).startswith("socket:"):
                    sockets.add(target[8:-1])
        # Dapr 1.18 listens for the health probes of these two everywhere, whatever --healthz-listen-address says.
        ports = json.loads((self.stack.dir / "stack.json").read_text())["ports"]
        probes = {f"{ports[name]:04X}" for name in ("placement-health", "scheduler-health")}
        tables = [pathlib.Path(f"/proc/net/{table}").read_text().splitlines()[1:] for table in ("tcp", "tcp6")]
        listening = [(*row[1].split(":"), row[9]) for row in map(str.split, sum(tables, [])) if row[3] == "0A"]
        addresses = {address for address, port, inode in listening if inode in sockets and port not in probes}
        loopback = {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}
        self.assertTrue(addresses and addresses <= loopback, addresses)

    def test_a_pid_that_is_anothers_by_now_is_left_alone(self):
        bystander = subprocess.Popen(["sleep", "60"])
        file = self.stack.dir / "app-2.pid"
        own = file.read_text()
        try:
            file.write_text(f"{bystander.pid}\n")
            self.assertIn("does not run", self.stack("pause", "app-2", refused=True))
            self.stack("kill", "app-2")
            self.assertIsNone(bystander.poll())
        finally:
            bystander.kill()
            bystander.wait()
            file.write_text(own)

    def test_up_on_a_running_stack_is_refused(self):
        self.assertIn("already up", self.stack("up", "--hosts", "0", refused=True))

    def test_watch_restarts_what_ends_by_itself_and_nothing_else(self):
        self.stack("stop", "app-1")
        watch = subprocess.Popen([HERE.parent / "stack", "watch", "--dir", self.stack.dir], stderr=subprocess.DEVNULL)
        try:
            pid = int((self.stack.dir / "app-2.pid").read_text())
            os.kill(pid, signal.SIGKILL)
            eventually(lambda: self.stack.http("BASE_URL_2", "/ready")[0] == 200)
            self.assertNotEqual(pid, int((self.stack.dir / "app-2.pid").read_text()))
            self.assertFalse((self.stack.dir / "app-1.pid").exists())
        finally:
            watch.terminate()
            watch.wait()
        self.stack("restart", "app-1")


class OtherShapes(unittest.TestCase):
    def test_the_engines_alone_stop_and_start_with_their_data_and_ports(self):
        stack = Stack("--hosts", "0")
        self.addCleanup(stack.close)
        self.assertEqual([f"{name}.pid" for name in sorted(ENGINES)], sorted(file.name for file in stack.dir.glob("*.pid")))
        stack("down")
        stack("down")
        self.assertEqual([], processes(stack.dir))
        again = stack("up", "--hosts", "0")
        self.assertIn(f"DATABASE_URL={stack.facts['DATABASE_URL']}\n", again)

    def test_gateway_and_actors_apart(self):
        stack = Stack("--hosts", "1", "--role", "split")
        self.addCleanup(stack.close)
        path = "/v1.0/actors/TaskListActor/anna/method/do"
        eventually(lambda: stack.http("DAPR_HTTP_1", path, {})[0] == 200)
        self.assertEqual([], stack.calls(1, "/actors"))
        self.assertTrue(stack.calls("ACTORS_1", "/actors/TaskListActor/anna/method/do"))

    def test_an_up_that_is_interrupted_leaves_nothing(self):
        with tempfile.TemporaryDirectory() as folder:
            running = subprocess.Popen([HERE.parent / "stack", "up", "--dir", folder, "--hosts", "0"], stderr=subprocess.DEVNULL)
            eventually(lambda: processes(pathlib.Path(folder).resolve()))
            running.terminate()
            self.assertEqual(143, running.wait())
            self.assertEqual([], processes(pathlib.Path(folder).resolve()))

    def test_an_up_that_fails_leaves_nothing(self):
        with tempfile.TemporaryDirectory() as folder:
            command = [HERE.parent / "stack", "up", "--dir", folder, "--hosts", "1", "--bin", "/bin/false"]
            done = subprocess.run(command, capture_output=True, text=True)
            self.assertEqual(1, done.returncode)
            self.assertIn("app-1 ended", done.stderr)
            self.assertEqual([], processes(pathlib.Path(folder).resolve()))


if __name__ == "__main__":
    unittest.main()
