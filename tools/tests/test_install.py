# SPDX-License-Identifier: MIT
"""tools/install with the system's commands replaced by stubs that write down how they were called."""

import os
import shutil
import subprocess
import tempfile
import unittest

import matrix

STUBS = {
    # Says "installed" for the packages named in $INSTALLED, and after an installation for all.
    "dpkg-query": '''for p in "$@"; do case " $INSTALLED " in *" $p "*) echo "$p installed";; esac; done
''',
    "apt-get": 'echo "apt-get $*" >>"$CALLS"; [ "$APT" != broken ] || exit 100',
    "env": 'shift; exec "$@"',
    "id": 'echo "$USERID"',
    "sudo": '[ "$SUDO" = yes ] || exit 1; shift; [ "$1" = true ] || exec "$@"',
    "sleep": "",
}
LIST = "one  # why\n# a comment\ntwo # why\n"


class Install(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.root)
        shutil.copy(os.path.join(matrix.ROOT, "tools", "install"), self.root)
        with open(os.path.join(self.root, "packages.txt"), "w", encoding="utf-8") as file:
            file.write(LIST)
        self.bin = os.path.join(self.root, "bin")
        os.mkdir(self.bin)
        for name, text in STUBS.items():
            path = os.path.join(self.bin, name)
            with open(path, "w", encoding="utf-8") as file:
                file.write(f"#!/bin/sh\n{text}\n")
            os.chmod(path, 0o755)
        for name in ("sh", "sed", "dirname", "cat"):
            os.symlink(shutil.which(name), os.path.join(self.bin, name))

    def install(self, **more):
        """(exit status, what it said, the calls of apt-get)."""
        calls = os.path.join(self.root, "calls")
        open(calls, "w", encoding="utf-8").close()
        variables = dict(PATH=self.bin, CALLS=calls, INSTALLED="one", USERID="0", SUDO="no", APT="")
        process = subprocess.run([os.path.join(self.root, "install")], env=dict(variables, **more),
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True, check=False)
        with open(calls, encoding="utf-8") as file:
            return process.returncode, process.stdout, file.read()

    def test_nothing_to_do(self):
        self.assertEqual(self.install(INSTALLED="one two three"), (0, "", ""))

    def test_as_root(self):
        status, said, calls = self.install()
        self.assertEqual(status, 0)
        self.assertIn("missing Debian packages: two\n", said)
        self.assertRegex(calls, r"^apt-get update.*\napt-get install -y .* two\n$")
        self.assertNotIn("one", calls)

    def test_with_sudo(self):
        status, said, calls = self.install(USERID="1000", SUDO="yes")
        self.assertEqual(status, 0)
        self.assertIn("sudo -n apt-get install", said)
        self.assertIn("apt-get install", calls)

    def test_without_the_right(self):
        status, said, calls = self.install(USERID="1000")
        self.assertNotEqual(status, 0)
        self.assertRegex(said, r"\n +apt-get update && apt-get install -y .* two\n")
        self.assertEqual(calls, "")

    def test_installation_fails(self):
        status, said, _ = self.install(APT="broken")
        self.assertNotEqual(status, 0)
        self.assertIn("apt-get install", said.splitlines()[-1])

    def test_not_debian(self):
        os.unlink(os.path.join(self.bin, "apt-get"))
        status, said, _ = self.install()
        self.assertNotEqual(status, 0)
        self.assertIn("one two", said)

    def test_project_list(self):
        with open(os.path.join(matrix.ROOT, "tools", "packages.txt"), encoding="utf-8") as file:
            lines = [line for line in file if line.strip() and not line.startswith("#")]
        for line in lines:
            self.assertRegex(line, r"^[a-z0-9][a-z0-9+.-]+ +# \S", "a package and the reason for it")
