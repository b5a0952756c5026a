"""Calendar files of other programs through `tickler import` and `export`, as an independent reader sees them: python3 -m unittest tools.tests.test_ics"""
import subprocess, sys, tempfile, unittest
from tools.tests.packages import install
from tools.tests.served import ROOT, environment, run, tickler

READER = "icalendar==7.3.0"
FILES = ROOT / "gateway/tests/ics"
STAMPS = {"DTSTAMP", "CREATED", "LAST-MODIFIED"}
# What a rule needs, and a status that was not said.
ADDED = STAMPS | {"DTSTART", "STATUS"}


class Ics(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        sys.path.insert(0, str(install([READER]) / "python"))
        cls.tickler = tickler()

    def calendar(self, text):
        import icalendar
        calendar = icalendar.Calendar.from_ical(text)
        self.assertEqual([part.errors for part in calendar.walk() if part.errors], [])
        return calendar

    def value(self, name, value):
        """A value as it is written; each priority has one number of ours."""
        text = value.to_ical()
        return {b"2": b"1", b"4": b"3", b"6": b"7", b"8": b"7", b"9": b"7"}.get(text, text) if name == "PRIORITY" else text

    def told(self, part):
        """Every property of a component as (name, parameters, value), and its alarms alike."""
        own = sorted((name, sorted(value.params.items()), self.value(name, value)) for name, value in part.property_items(False, False)
                     if name not in STAMPS | {"BEGIN", "END"})
        return own, sorted(self.told(alarm)[0] for alarm in part.subcomponents)

    def test_files_go_in_and_out(self):
        for path in sorted(FILES.glob("*.ics")):
            with self.subTest(path.name), tempfile.TemporaryDirectory() as data:
                before = path.read_text().replace("\n", "\r\n")
                env = environment(TICKLER_ZONE="Europe/Berlin")
                out = run(self.tickler, "import", path, "--data", data, env=env)
                self.assertRegex(out, r"^dev: [1-9]\d* created, 0 updated, \d+ skipped, 0 failed$")
                after = subprocess.run([self.tickler, "export", "--format", "ics", "--data", data],
                                       env=env, check=True, capture_output=True).stdout.decode()
                was, now = self.calendar(before), self.calendar(after)
                tasks = {str(part["UID"]): part for part in now.walk("VTODO")}
                self.assertEqual(sorted(tasks), sorted(str(part["UID"]) for part in was.walk("VTODO")))
                for part in was.walk("VTODO"):
                    (own, alarms), (own_now, alarms_now) = self.told(part), self.told(tasks[str(part["UID"])])
                    self.assertEqual([line for line in own if line not in own_now], [])
                    self.assertLessEqual({line[0] for line in own_now if line not in own}, ADDED)
                    self.assertEqual(alarms, alarms_now)
                self.zones(now)

    def zones(self, calendar):
        """Each zone that is named is defined, and its definition agrees with IANA's at every due date and half a year on."""
        import datetime, zoneinfo
        defined = {str(part["TZID"]): part.to_tz(lookup_tzid=False) for part in calendar.walk("VTIMEZONE")}
        values = [value for part in calendar.walk("VTODO") for name, value in part.property_items() if name not in ("BEGIN", "END")]
        named = {value.params["TZID"] for value in values if "TZID" in value.params}
        self.assertEqual(set(defined), named)
        for name, zone in defined.items():
            for due in (part["DUE"].dt for part in calendar.walk("VTODO") if "DUE" in part):
                for days in (0, 182, 730):
                    at = datetime.datetime(due.year, due.month, due.day, 12) + datetime.timedelta(days=days)
                    self.assertEqual(at.replace(tzinfo=zone).utcoffset(), at.replace(tzinfo=zoneinfo.ZoneInfo(name)).utcoffset(), (name, at))
