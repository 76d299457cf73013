"""What the runner makes of outcomes, and of what it is told to expect."""

import os
import tempfile
import unittest

import run


class Judging(unittest.TestCase):
    def test_what_is_expected_to_fail_is_skipped_when_it_does(self):
        self.assertEqual(run.judged("failed", "404", "labels"), ("skipped", "labels"))

    def test_what_is_expected_to_fail_and_does_not_fails_the_run(self):
        for outcome in ("passed", "skipped"):
            judged, reason = run.judged(outcome, "", "labels")
            self.assertEqual(judged, "failed")
            self.assertIn("expected to fail", reason)

    def test_others_count_as_what_they_are_and_must_be_run(self):
        self.assertEqual(run.judged("passed", "", None), ("passed", ""))
        self.assertEqual(run.judged("failed", "404", None), ("failed", "404"))
        self.assertEqual(run.judged("skipped", "later", None)[0], "failed")


class Expectations(unittest.TestCase):
    def read(self, text):
        with tempfile.NamedTemporaryFile("w", suffix=".yaml", delete=False) as file:
            file.write(text)
        self.addCleanup(os.remove, file.name)
        return run.read_expected(file.name)

    def test_they_are_read_by_file_and_name(self):
        self.assertEqual(self.read("a.yaml:\n  one: why\n"), {"a.yaml": {"one": "why"}})
        self.assertEqual(self.read("# nothing\n"), {})

    def test_six_are_too_many_and_each_has_a_reason(self):
        self.read("a.yaml: {1: x, 2: x, 3: x}\nb.yaml: {4: x, 5: x}\n")
        for refused in ("a.yaml: {1: x, 2: x, 3: x}\nb.yaml: {4: x, 5: x, 6: x}\n", "a.yaml: {one: }\n", "a.yaml: {one: ' '}\n"):
            with self.assertRaises(SystemExit):
                self.read(refused)

    def test_those_of_this_project_can_be_read(self):
        run.read_expected(os.path.join(os.path.dirname(os.path.abspath(__file__)), "expected.yaml"))


if __name__ == "__main__":
    unittest.main()
