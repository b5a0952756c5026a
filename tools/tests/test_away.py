"""What users see while a store or the log is away, and that all of it comes back without anyone's help.

    PROMISES_AWAY_S=600 python3 -m unittest -v tools/tests/test_away.py
"""
import subprocess, time, unittest, uuid

from tools.tests.promises import ANSWER_S_MAX, ROOT, Load, Promises, Stack, User, eventually, kubelet, number, stack

STALE_S = 1  # a read shows nothing older


def setUpModule():
    Stack.up()


def tearDownModule():
    stack("down")


class Away(Promises):
    def test_kafka_away(self):
        """Every write is answered, at the first try."""
        with Load(6, pinned=True) as load:
            time.sleep(2)
            before = load.count()
            stack("kill", "kafka")
            time.sleep(number("AWAY_S", 10))
            during = load.count() - before
            stack("restart", "kafka")
            time.sleep(1)
        print(f"Kafka away: {during} writes meanwhile, slowest answer {load.slowest():.1f} s", flush=True)
        self.all_written(load)

    def test_kafka_away_at_the_start_of_a_host(self):
        stack("kill", "kafka"), stack("kill", "app-2"), stack("kill", "daprd-2")
        with kubelet():
            self.start_host_2()
            with Load(6, pinned=True) as load:
                time.sleep(number("AWAY_S", 10))
            count = load.count()
            stack("restart", "kafka")
            self.all_written(load)
            eventually(lambda: self.pubsub_of(2) and User("anybody").once("GET", "/ready", host=2)[0] == 200, 60,
                       "host 2 has its pub/sub again, by itself")
        print(f"a host started without Kafka: {count} writes, slowest answer {load.slowest():.1f} s", flush=True)

    def start_host_2(self):
        parts = [subprocess.Popen([ROOT / "tools/stack", "restart", name, "--dir", Stack.dir]) for name in ("daprd-2", "app-2")]
        self.assertEqual([part.wait() for part in parts], [0, 0], "no start without Kafka")
        self.assertFalse(self.pubsub_of(2))

    @staticmethod
    def pubsub_of(host):
        status, said = User("anybody").once("GET", "/ready", host=host)
        return status and said["checks"]["pubsub"]["ok"]

    def all_written(self, load):
        self.assertEqual(max(user.tries_max for user in load.users), 1, "a write was not answered")
        self.assertLess(load.slowest(), ANSWER_S_MAX)
        self.kept(load)
        self.in_the_trail(load)
        self.in_order(load)

    def test_postgres_away(self):
        """503 with Retry-After, but for reads of what is not older than a second."""
        user = User(f"away-{uuid.uuid4()}")
        self.assertEqual(user.sure("POST", "/api/v1/tasks", {"title": "before"})[0], 201)
        user.once("GET", "/api/v1/tasks")
        stack("kill", "postgres")
        try:
            gone, read_until = time.monotonic(), 0
            while time.monotonic() < gone + 5:
                asked = time.monotonic()
                status, _ = user.once("GET", "/api/v1/tasks")
                self.assertIn(status, (200, 503))
                if status == 200:
                    read_until = asked - gone
                else:
                    self.assertTrue(int(user.headers["retry-after"]))
            status, _ = user.once("POST", "/api/v1/tasks", {"title": "meanwhile"})
            self.assertEqual((status, bool(user.headers["retry-after"])), (503, True))
        finally:
            stack("restart", "postgres")
        back = time.monotonic()
        user.sure("POST", "/api/v1/tasks", {"title": "after"}, within=10)
        print(f"PostgreSQL away: reads for {read_until:.1f} s, then 503; slowest answer {user.slowest:.1f} s; "
              f"written again after {time.monotonic() - back:.1f} s", flush=True)
        self.assertLess(read_until, STALE_S)
        self.assertLess(user.slowest, ANSWER_S_MAX)
        self.assertLessEqual({"before", "after"}, {task["title"] for task in user.tasks()})


if __name__ == "__main__":
    unittest.main()
