"""Two hosts that both believe they own the same actors: one is frozen, app and sidecar, past failover, the other writes, the frozen
one thaws with requests at its door. Nothing acknowledged may be lost or overwritten, nothing older than a second be read. The same
harness without the fence (the state component state.unfenced of tools/dapr/daprd) finds a lost update, so it can.

    PROMISES_FENCE=50 python3 -m unittest -v tools/tests/test_fence.py
"""
import pathlib, shutil, tempfile, threading, time, unittest, uuid

from tools.tests.promises import NO_ANSWER, Promises, Stack, User, eventually, number, scraped, stack

TAKEOVER_S_MAX = 30  # placement needs 5 s to give a frozen host up, and its actors some more


class Person:
    """One user with a client at each host, who adds tasks and counts up in a task of their own, and a reader at each."""

    def __init__(self):
        self.name = f"fence-{uuid.uuid4()}"
        self.answered = []  # (when, version, title) of each acknowledged command
        self.counted = {}  # task id: (acknowledged, tried)
        self.wrong, self.old, self.reads, self.stopping = [], [], 0, threading.Event()
        self.threads = [threading.Thread(target=work, args=(host,)) for host in (1, 2) for work in (self.write, self.read)]

    def write(self, host):
        client, turn = User(self.name, host, pinned=True), 0
        try:
            counter = self.do(client, "POST", "/api/v1/tasks", {"title": f"counter at {host}"})["id"]
            self.counted[counter] = (0, 0)
            while not self.stopping.is_set():
                turn += 1
                self.do(client, "POST", "/api/v1/tasks", {"title": f"{host} {turn}"})
                self.counted[counter] = (turn - 1, turn)
                self.do(client, "PATCH", f"/api/v1/tasks/{counter}", {"description": str(turn)})
                self.counted[counter] = (turn, turn)
        except AssertionError as why:
            self.wrong.append(str(why))

    def do(self, client, method, path, body):
        status, answer = client.sure(method, path, body)
        assert status in (200, 201), f"{method} {path}: {status} {answer}"
        self.answered.append((time.monotonic(), client.version, body.get("title")))
        return answer

    def read(self, host):
        client = User(self.name, host, pinned=True)
        while not self.stopping.is_set():
            asked = time.monotonic()
            status, _ = client.once("GET", "/api/v1/tasks?limit=1")
            known = max((version for when, version, _ in list(self.answered) if when < asked - 1), default=0)
            if status == 200 and client.version < known:
                self.old.append(f"a read at {host} shows {client.version} a second after {known} was acknowledged")
            elif status != 200 and status not in NO_ANSWER:
                self.wrong.append(f"a read: {status}")
            self.reads += status == 200
            time.sleep(0.05)

    def violations(self):
        """What became wrong, once all have stopped."""
        return [f"{self.name}: {one}" for one in self.wrong + self.old + self.missing()]

    def missing(self):
        """What was acknowledged and is not there."""
        found = []
        versions = [version for _, version, _ in self.answered]
        if len(versions) != len(set(versions)):
            found.append("two changes were acknowledged under one version")
        try:
            tasks = User(self.name).tasks()
        except AssertionError as why:
            return [*found, f"lost: the list cannot be read: {why}"]
        lost = {title for *_, title in self.answered if title} - {task["title"] for task in tasks}
        found += [f"lost: {title}" for title in lost]
        said = {task["id"]: int(task["description"] or 0) for task in tasks if task["id"] in self.counted}
        found += [f"overwritten: {at} counted to {said.get(at)}, {acknowledged} was acknowledged"
                  for at, (acknowledged, tried) in self.counted.items() if not acknowledged <= said.get(at, -1) <= tried]
        return found


def refused():
    """Writes that the store refused; now and then one that was cancelled under way is among them."""
    return sum(scraped(Stack.port(f"daprd-{host}-metrics"), "dapr_component_state_count", 'operation="set"', 'success="false"')
               for host in (1, 2))


def episode(number):
    """What was violated, how many writes the store refused, and how many were acknowledged."""
    frozen, people, before = 1 + number % 2, [Person() for _ in range(6)], refused()
    for thread in (thread for person in people for thread in person.threads):
        thread.start()
    try:
        time.sleep(2)
        stack("pause", f"app-{frozen}"), stack("pause", f"daprd-{frozen}")
        time.sleep(6)
        since = time.monotonic()
        eventually(lambda: all(sum(when > since for when, *_ in list(person.answered)) > 4 for person in people),
                   TAKEOVER_S_MAX, "the other host writes for everybody")
        for name in ("daprd", "app") if number % 4 < 2 else ("app", "daprd"):
            stack("continue", f"{name}-{frozen}")
        time.sleep(3)
    finally:
        for person in people:
            person.stopping.set()
        for thread in (thread for person in people for thread in person.threads):
            thread.join()
    found = [violation for person in people for violation in person.violations()]
    return found, int(refused() - before), sum(len(person.answered) for person in people), sum(p.reads for p in people)


class Fence(Promises):
    def test_a_frozen_host_overwrites_nothing_and_shows_nothing_old(self):
        Stack.up()
        self.addCleanup(stack, "down")
        episodes, refusals = number("FENCE", 3), 0
        for one in range(episodes):
            found, stale, answered, reads = episode(one)
            refusals += stale
            print(f"fence {one + 1}/{episodes}: {answered} acknowledged, {reads} reads, {stale} stale writes refused", flush=True)
            self.assertEqual(found[:5], [], f"{len(found)} violations in episode {one + 1}")
        self.assertGreater(refusals, 0, "no stale write was tried: the harness shows nothing")


class Unfenced(Promises):
    def test_without_the_fence_the_harness_finds_a_lost_update(self):
        """On a stack of its own: what is broken there comes again without end."""
        its_own, Stack.dir = Stack.dir, tempfile.mkdtemp(dir="/var/tmp", prefix="tickler-unfenced-")
        try:
            Stack.up()
            component = pathlib.Path(Stack.facts["COMPONENTS"], "statestore.yaml")
            text = component.read_text().replace("type: state.postgresql", "type: state.unfenced").replace("version: v2", "version: v1")
            component.write_text(text)
            for host in (1, 2):
                stack("restart", f"daprd-{host}")
            self.look()
        finally:
            stack("down")
            shutil.rmtree(Stack.dir)
            Stack.dir = its_own

    def look(self):
        for one in range(number("UNFENCED", 10)):
            found, *_ = episode(one)
            lost = [what for what in found if ": lost" in what or ": overwritten" in what]
            print(f"without the fence, episode {one + 1}: {lost[:2]}", flush=True)
            if lost:
                return
        self.fail("no lost update was found: the harness shows nothing")


if __name__ == "__main__":
    unittest.main()
