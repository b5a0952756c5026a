"""Every part killed, alone and in pairs, and frozen, under load: nothing acknowledged is lost or there twice, every call has its answer
within 6 s, and service is back 10 s after the heal without anyone's help.

    PROMISES_PAIRS=15 python3 -m unittest -v tools/tests/test_promises.py
"""
import itertools, subprocess, time, unittest

from tools.tests.promises import ANSWER_S_MAX, ROOT, Load, Promises, Stack, User, eventually, kubelet, number, stack

HEAL_S_MAX = number("HEAL_S", 10)
LEASE_S = 20  # a killed scheduler resumes when its predecessor's lease has run out
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
            for name in names:
                stack("kill", name)
            time.sleep(2)
            starts = [subprocess.Popen([ROOT / "tools/stack", "restart", name, "--dir", Stack.dir], stderr=subprocess.DEVNULL)
                      for name in names]
            for start in starts:
                start.wait()
            eventually(self.all_ready, 60, "all hosts are ready again")
            heal, healed = HEAL_S_MAX, time.monotonic()
            if "scheduler" in names:  # it takes jobs for a moment, and then none until that lease has run out
                heal += LEASE_S
                time.sleep(LEASE_S)
            back = load.answered_after(healed, heal + 10)
            time.sleep(1)
        self.judge(f"killed {'+'.join(names)}", load, back, heal)

    @staticmethod
    def all_ready():
        return all(User("anybody").once("GET", "/ready", host=host)[0] == 200 for host in (1, 2))

    def frozen(self, name):
        with Load(6) as load:
            time.sleep(2)
            stack("pause", name)
            time.sleep(8)
            stack("continue", name)
            back = load.answered_after(time.monotonic(), HEAL_S_MAX + 10)
            time.sleep(1)
        self.judge(f"froze {name}", load, back, HEAL_S_MAX)

    def judge(self, what, load, back, heal):
        print(f"{what}: {load.count()} acknowledged, all served again {back and round(back, 1)} s after the heal, "
              f"slowest answer {load.slowest():.1f} s", flush=True)
        self.kept(load)
        self.in_the_trail(load)
        self.assertIsNotNone(back, f"not back within {heal + 10} s")
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
