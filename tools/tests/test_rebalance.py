"""Hosts join and leave under load: clients who send a 503 once more see no error, and nothing is wrong afterwards.

    PROMISES_REBALANCE_S=60 python3 -m unittest -v tools/tests/test_rebalance.py
"""
import subprocess, time, unittest

from tools.tests.promises import ANSWER_S_MAX, ROOT, Load, Promises, Stack, number, stack

STEP_S = 5


def setUpModule():
    Stack.up(hosts=3)


def tearDownModule():
    stack("down")


def turn(command, host):
    """A host joins or leaves as a pod does: app and sidecar at once."""
    return [subprocess.Popen([ROOT / "tools/stack", command, name, "--dir", Stack.dir], stderr=subprocess.DEVNULL)
            for name in (f"daprd-{host}", f"app-{host}")]


class Rebalance(Promises):
    def test_hosts_join_and_leave(self):
        """Hosts 2 and 3 by turns, one of them every 5 s; the clients speak to host 1, which stays."""
        runs, under_way, changes = {2: True, 3: True}, [], 0
        with Load(8, host=1, pinned=True) as load:
            time.sleep(2)
            end = time.monotonic() + number("REBALANCE_S", 60)
            while time.monotonic() < end:
                host = 2 + changes // 2 % 2
                changes += 1
                runs[host] = not runs[host]
                under_way += turn("restart" if runs[host] else "stop", host)
                time.sleep(STEP_S)
            time.sleep(2)
        self.assertEqual([one.wait() for one in under_way], [0] * len(under_way))
        tries = max(user.tries_max for user in load.users)
        retried = sum(user.retried for user in load.users)
        print(f"{changes} joins and leaves: {load.count()} acknowledged, {retried} sent again, {tries} tries at most, "
              f"slowest answer {load.slowest():.1f} s", flush=True)
        self.kept(load)
        self.in_the_trail(load)
        self.assertLessEqual(tries, 2, "a client that retries once saw an error")
        self.assertLess(load.slowest(), ANSWER_S_MAX)


if __name__ == "__main__":
    unittest.main()
