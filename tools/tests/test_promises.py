"""Every part killed, alone and in pairs, and frozen, under load: nothing acknowledged is lost or there twice, every call has its answer
within 6 s, and service is back 10 s after the heal (25 s after a scheduler's, whose lease is 20 s) without anyone's help.

    PROMISES_PAIRS=15 python3 -m unittest -v tools/tests/test_promises.py
"""
import itertools, subprocess, time, unittest, uuid
from datetime import datetime, timezone

from tools.tests.promises import (ANSWER_S_MAX, ROOT, Load, Promises, Stack, User, eventually, instant, kubelet, moment, number,
                                  soon, stack)

HEAL_S_MAX = number("HEAL_S", 10)
LEASE_S_MAX = 25  # a killed scheduler waits for the end of its predecessor's lease: 20 s, which its etcd puts off at its start
RETRY_S = 30  # a wake that failed comes again after so long
HOSTED = {"app": "app-1", "daprd": "daprd-2"}
PAIRS = [("app", "postgres"), ("daprd", "kafka"), ("scheduler", "placement")]
PARTS = ("app", "daprd", "scheduler", "placement", "kafka", "postgres")


def setUpModule():
    Stack.up()


def tearDownModule():
    stack("down")


class Kills(Promises):
    def broken(self, *names):
        with kubelet(), Load(6) as load:
            time.sleep(3)
            bell = self.bell(4)
            for name in names:
                stack("kill", name)
            time.sleep(2)
            starts = [subprocess.Popen([ROOT / "tools/stack", "restart", name, "--dir", Stack.dir], stderr=subprocess.DEVNULL)
                      for name in names]
            for start in starts:
                start.wait()
            eventually(self.all_ready, 60, "all hosts are ready again")
            healed, heal = datetime.now(timezone.utc), LEASE_S_MAX if "scheduler" in names else HEAL_S_MAX
            back = load.served_after(time.monotonic(), heal + 10)
        self.judge(f"killed {'+'.join(names)}", load, back, heal)
        self.rang(bell, healed, heal)

    @staticmethod
    def bell(seconds):
        """A user with a reminder due so soon."""
        user = User(f"bell-{uuid.uuid4()}")
        status, answer = user.sure("POST", "/api/v1/tasks", {"title": "ring", "reminders": [{"remind_at": moment(soon(seconds))}]})
        assert status == 201, answer
        return user

    def rang(self, user, healed, heal):
        """What came due while a part was away fires once after the heal."""
        def fired():
            _, listed = user.sure("GET", "/api/v1/reminders")
            return listed["reminders"][0]["triggered_at"]
        at = eventually(fired, RETRY_S, "the reminder fires")
        late = (instant(at) - healed).total_seconds()
        print(f"    a reminder of that time fired {late:.1f} s after the heal", flush=True)
        self.assertLess(late, heal + RETRY_S)
        _, inbox = user.sure("GET", "/api/v1/notifications")
        self.assertEqual(len(inbox["notifications"]), 1)

    @staticmethod
    def all_ready():
        return all(User("anybody").once("GET", "/ready", host=host)[0] == 200 for host in (1, 2))

    def frozen(self, name):
        with Load(6) as load:
            time.sleep(2)
            stack("pause", name)
            time.sleep(8)
            stack("continue", name)
            back = load.served_after(time.monotonic(), HEAL_S_MAX + 10)
        self.judge(f"froze {name}", load, back, HEAL_S_MAX)

    def judge(self, what, load, back, heal):
        print(f"{what}: {load.count()} acknowledged, the last call was sent again {'' if back is None else round(back, 1)} s after the heal, "
              f"slowest answer {load.slowest():.1f} s", flush=True)
        self.kept(load)
        self.in_the_trail(load)
        self.assertIsNotNone(back, f"not back {heal + 10} s after the heal")
        self.assertLess(back, heal)
        self.assertLess(load.slowest(), ANSWER_S_MAX)

    def test_kill_one(self):
        for part in PARTS:
            with self.subTest(part):
                self.broken(HOSTED.get(part, part))

    def test_kill_a_host(self):
        self.broken("app-2", "daprd-2")

    def test_kill_two(self):
        others = [pair for pair in itertools.combinations(PARTS, 2) if pair not in PAIRS and pair[::-1] not in PAIRS]
        for pair in (PAIRS + others)[:number("PAIRS", len(PAIRS))]:
            with self.subTest("+".join(pair)):
                self.broken(*(HOSTED.get(part, part) for part in pair))

    def test_freeze_one(self):
        for part in ("postgres", "kafka", "placement", "scheduler"):
            with self.subTest(part):
                self.frozen(part)


if __name__ == "__main__":
    unittest.main()
