# SPDX-License-Identifier: Apache-2.0
"""docs/performance.md is what benchmarks/report.py makes of the measurements, and a page that is not is noticed."""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def report(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-B", ROOT / "benchmarks" / "report.py", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


class Page(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.docs = pathlib.Path(folder.name)
        shutil.copy(ROOT / "docs" / "performance.md", self.docs)
        shutil.copytree(ROOT / "docs" / "performance", self.docs / "performance")

    def change(self, name: str, change) -> None:
        path = self.docs / "performance" / name
        document = json.loads(path.read_text())
        change(document)
        path.write_text(json.dumps(document))

    def test_is_what_the_data_make(self) -> None:
        done = report("--check")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_other_measurements_are_noticed(self) -> None:
        def twice_as_fast(document) -> None:
            document["workloads"][0]["best_ratio"] *= 2

        self.change("peers.json", twice_as_fast)
        done = report("--check", "--docs", str(self.docs))
        self.assertEqual(done.returncode, 1)
        self.assertIn("performance.md, training.svg", done.stderr)

    def test_a_missing_picture_is_noticed_and_made(self) -> None:
        (self.docs / "performance" / "roofline.svg").unlink()
        self.assertIn("roofline.svg", report("--check", "--docs", str(self.docs)).stderr)
        self.assertEqual(report("--docs", str(self.docs)).returncode, 0)
        self.assertEqual(report("--check", "--docs", str(self.docs)).returncode, 0)

    def test_new_measurements_are_taken(self) -> None:
        def one_more_point(document) -> None:
            memory = next(one for one in document["series"] if one["name"] == "memory_over_steps")
            memory["points"].append([20000, 2 * memory["points"][-1][1]])

        self.change("scaling.json", one_more_point)
        taken = self.docs / "new.json"
        (self.docs / "performance" / "scaling.json").rename(taken)
        done = report("--docs", str(self.docs), "--take", "-", "-", str(taken), "-")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("and 20,000", (self.docs / "performance.md").read_text())


if __name__ == "__main__":
    unittest.main()
