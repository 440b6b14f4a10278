"""The takedown workflow through the commands, from a person's pictures to a withdrawal that leaves no
byte, and what must not be in any file on the way."""

import json
import os
import shutil
import time

from cli import CliTest, flat_picture, main, picture

COPIES = os.path.join(os.environ["PHASH_FIXTURES"], "images", "copies")
ALTERED = ("recompressed.jpg", "half-size.jpg", "grey.jpg", "brighter.jpg", "converted.png")


class Takedown(CliTest):
    def ok(self, *arguments, stdin=b""):
        return self.check(self.run_phash(*arguments, stdin=stdin), 0).out

    def new_case(self, name, *arguments):
        case = json.loads(self.ok("case", "new", "-o", name, "--json", *arguments))
        return case["caseNumber"], case["pin"].encode() + b"\n"

    def copy(self, name, folder):
        shutil.copy(os.path.join(COPIES, name), os.path.join(self.dir, folder))

    def files(self):
        return [os.path.join(top, f) for top, _, names in os.walk(self.dir) for f in names]

    def assert_nowhere(self, hashes, *folders):
        for folder in folders:
            for name in os.listdir(self.path(folder)):
                with open(os.path.join(self.path(folder), name), "rb") as f:
                    data = f.read()
                for h in hashes:
                    self.assertNotIn(bytes.fromhex(h), data, name)
                    self.assertNotIn(h.encode(), data.lower(), name)

    def scan(self, bank, *arguments, code=0):
        result = self.check(self.run_phash("scan", "-b", bank, *arguments), code)
        return [json.loads(line) for line in result.out.splitlines()]

    def test_the_whole_way(self):
        for folder in ("person", "hotline", "partner", "found"):
            os.mkdir(self.path(folder))
        self.copy("original.jpg", "person")
        self.write("person/holiday secret.png", picture(seed=40))
        for name in ALTERED + ("unrelated.jpg",):
            self.copy(name, "found")
        self.write("found/notes.txt", b"no picture")

        # The person: a sealed case. The hotline made the key.
        self.ok("keygen", "-o", "hotline/key")
        number, pin = self.new_case("person/case.json", "--seal-to", "hotline/key.pub",
                                    "person/original.jpg", "person/holiday secret.png")
        hashes = [line.split(",")[0] for line in
                  self.ok("hash", "-r", "person", "--skip-other").decode().splitlines()]
        self.assertEqual(len(hashes), 2)

        # The hotline: import, export. Others' hashes are there too.
        self.ok("bank", "init", "hotline/bank.db")
        others = b"".join(b"%064x\n" % (0x123456789ABCDEF << 180 | i << 100 | i * i)
                          for i in range(3000))
        self.ok("bank", "import", "hotline/bank.db", "--source", "list", "-", stdin=others)
        self.check(self.run_phash("bank", "import", "hotline/bank.db", "person/case.json"), 2, b"")
        self.ok("bank", "import", "hotline/bank.db", "--source", "people", "--key",
                "hotline/key.key", "person/case.json")
        self.ok("bank", "export", "hotline/bank.db", "--page-size", "700", "-o", "pages.json")
        with open(self.path("pages.json")) as f:
            text = f.read()
        pages = []
        while text.strip():
            page, end = json.JSONDecoder().raw_decode(text)
            pages.append(page)
            text = text[end:].lstrip()
        self.assertEqual([p["count"] for p in pages], [700, 700, 700, 700, 202])
        self.assertEqual([p["hasMoreRecords"] for p in pages], [True] * 4 + [False])
        since = str(pages[-1]["nextSetTimestamp"])

        # The partner: import, and look through a folder.
        self.ok("bank", "init", "partner/bank.db")
        self.ok("bank", "import", "partner/bank.db", "--source", "hotline", "pages.json")
        cache = ("--cache", "partner/scan.cache")
        time.sleep(3.1)  # younger files are not in the cache
        found = self.scan("partner/bank.db", *cache, "--report", "report.html", "found")
        self.assertEqual({os.path.basename(m["path"]) for m in found}, set(ALTERED))
        self.assertEqual({m["label"] for m in found}, {number})
        with open(self.path("report.html")) as f:
            report = f.read()
        for word in ALTERED + (number, found[0]["sha256"], "7 files: 6 images"):
            self.assertIn(word, report)
        self.assertNotIn(hashes[0], report)
        self.assertNotIn("<img", report)
        self.assertTrue(os.path.exists(self.path("partner/bank.db.phidx")))
        self.assertEqual(self.scan("partner/bank.db", *cache, "found"), found)

        # Feedback goes back.
        self.ok("bank", "feedback", "partner/bank.db", "--source", "Example", "--value", "Blocked",
                "--tag", "Nude", *hashes)
        self.ok("bank", "feedback", "partner/bank.db", "--source", "Example", "--submit", "-o",
                "feedback.json")
        with open(self.path("feedback.json")) as f:
            self.assertEqual(json.load(f)["count"], 2)
        self.ok("bank", "import", "hotline/bank.db", "--source", "Example", "feedback.json")

        # The person asks, and withdraws.
        ask = ("bank", "status", "hotline/bank.db", "--case")
        status = json.loads(self.ok(*ask, number.lower(), "--json", stdin=pin))
        self.assertEqual((status["status"], status["hashes"]), ("Received", 2))
        self.assertEqual(status["feedback"],
                         [{"source": "Example", "feedbackValue": "Blocked", "hashes": 2}])
        wrong = self.check(self.run_phash(*ask, number, stdin=b"0000-0000\n"), 2, b"")
        unknown = self.check(self.run_phash(*ask, "0000-0000-0000-0000-0", stdin=pin), 2, b"")
        self.assertEqual(wrong.err, unknown.err)
        self.scan("hotline/bank.db", "found")  # the hotline has an index, too
        self.check(self.run_phash("bank", "withdraw", "hotline/bank.db", "--case", number,
                                  stdin=b"0000-0000\n"), 2)
        self.ok("bank", "withdraw", "hotline/bank.db", "--case", number, stdin=pin)
        self.assertEqual(self.scan("hotline/bank.db", "found", code=1), [])
        self.check(self.run_phash(*ask, number, stdin=pin), 2, b"", wrong.err)

        # The partner's next import.
        self.ok("bank", "export", "hotline/bank.db", "--since", since, "-o", "pages2.json")
        self.assert_nowhere(hashes, "hotline")
        with open(self.path("pages2.json")) as f:
            text = f.read()
        for h in hashes:
            self.assertNotIn(h, text)
        self.ok("bank", "import", "partner/bank.db", "--source", "hotline", "pages2.json")
        self.assert_nowhere(hashes, "partner")
        self.assertEqual(self.scan("partner/bank.db", *cache, "found", code=1), [])
        self.assertEqual(self.scan("partner/bank.db", "found", code=1), [])
        self.assert_nowhere(hashes, "partner")
        # What was sent before does not bring it back.
        self.ok("bank", "import", "partner/bank.db", "--source", "hotline", "pages.json")
        self.assertEqual(self.scan("partner/bank.db", "found", code=1), [])
        self.assert_nowhere(hashes, "partner")

    def test_withdrawal_before_an_old_snapshot(self):
        """Somebody else's withdrawal is honoured by a query whose snapshot knows nothing of it."""
        self.write("a.png", picture(seed=41))
        number, pin = self.new_case("case", "a.png")
        self.ok("bank", "init", "b.db")
        self.ok("bank", "import", "b.db", "case")
        self.assertEqual(len(self.scan("b.db", "a.png")), 1)
        self.check(self.run_phash("match", "-b", "b.db", "a.png"), 0,
                   b"a.png,1,0,%s\n" % number.encode())
        shutil.copy(self.path("b.db.phidx"), self.path("old"))
        self.ok("bank", "withdraw", "b.db", "--case", number, stdin=pin)
        shutil.copy(self.path("old"), self.path("b.db.phidx"))
        if os.path.exists(self.path("b.db.phidx.journal")):
            os.remove(self.path("b.db.phidx.journal"))
        self.scan("b.db", "a.png", code=1)
        self.check(self.run_phash("match", "-b", "b.db", "a.png"), 1, b"")

    def test_match_names_the_cases(self):
        """The label of a match with a bank is that of a scan: the numbers of the cases."""
        self.write("a.png", picture(seed=41))
        self.write("b.png", picture(seed=42))
        numbers = [self.new_case("case%d" % i, "a.png")[0] for i in range(2)]
        hash_of_b = self.ok("hash", "--format", "hex", "b.png")
        self.ok("bank", "init", "b.db")
        self.ok("bank", "import", "b.db", "case0", "case1")
        self.ok("bank", "import", "b.db", "--source", "list", "-", stdin=hash_of_b)
        both = " ".join(numbers)
        self.assertEqual(self.ok("match", "-b", "b.db", "a.png", "b.png").decode(),
                         "a.png,1,0,%s\nb.png,2,0,\n" % both)
        self.assertEqual(self.ok("match", "-b", "b.db", "--dihedral", "a.png").decode(),
                         "a.png,1,0,original,%s\n" % both)
        found = [json.loads(line) for line in
                 self.ok("match", "-b", "b.db", "--json", "a.png", "b.png").splitlines()]
        self.assertEqual(found, [{"query": "a.png", "id": 1, "distance": 0, "label": both},
                                 {"query": "b.png", "id": 2, "distance": 0, "label": ""}])
        self.assertEqual([m["label"] for m in self.scan("b.db", "a.png", "b.png")], [both, ""])

    def test_damaged_index_is_made_anew(self):
        self.write("a.png", picture(seed=42))
        self.new_case("case", "a.png")
        self.ok("bank", "init", "b.db")
        self.ok("bank", "import", "b.db", "case")
        self.write("b.db.phidx", b"not an index")
        self.assertEqual(len(self.scan("b.db", "a.png")), 1)
        # An index of another bank is none of this one.
        self.ok("bank", "init", "c.db")
        shutil.copy(self.path("b.db.phidx"), self.path("c.db.phidx"))
        self.scan("c.db", "a.png", code=1)

    def test_no_traces(self):
        """Nothing but the case file is written, and no name, folder or EXIF value is in any file."""
        os.mkdir(self.path("zz-private-folder"))
        text = b"Zanzibar-Kamera"
        entry = (b"II*\0\x08\0\0\0\x01\0" + b"\x0f\x01\x02\0" + len(text).to_bytes(4, "little")
                 + b"\x1a\0\0\0" + b"\0\0\0\0" + text)
        from cli import chunk
        self.write("zz-private-folder/qq-name.png", picture(seed=43, extra=chunk(b"eXIf", entry)))
        before = set(self.files())
        home = self.path("home")
        os.mkdir(home)
        environment = dict(os.environ, HOME=os.fsdecode(home), TMPDIR=os.fsdecode(home),
                           XDG_CACHE_HOME=os.fsdecode(home))
        done = self.check(self.run_phash("case", "new", "-o", "case", "--dihedral",
                                         "zz-private-folder/qq-name.png", env=environment), 0)
        self.assertIn(b"PIN: ", done.out)
        self.assertIn(b"stopncii.org", done.out)
        self.assertEqual({os.path.basename(f) for f in set(self.files()) - before}, {"case"})
        self.assertEqual(os.stat(self.path("case")).st_mode & 0o777, 0o600)
        self.ok("bank", "init", "b.db")
        self.ok("bank", "import", "b.db", "case")
        self.ok("bank", "export", "b.db", "-o", "pages")
        for name in ("case", "b.db", "b.db-wal", "pages"):
            if os.path.exists(self.path(name)):
                with open(self.path(name), "rb") as f:
                    data = f.read()
                for word in (b"zz-private", b"qq-name", b"Zanzibar", b".png"):
                    self.assertNotIn(word, data, name)
        # A report names paths, and nothing else of what is in the files; the bank's index neither.
        self.scan("b.db", "--report", "report", "--cache", "cache", "zz-private-folder")
        with open(self.path("report"), "rb") as f:
            report = f.read()
        self.assertIn(b"zz-private-folder/qq-name.png", report)
        self.assertNotIn(b"Zanzibar", report)
        for name in os.listdir(self.dir):
            if name.startswith(("b.db", "cache")):
                with open(self.path(name), "rb") as f:
                    data = f.read()
                for word in (b"zz-private", b"qq-name", b"Zanzibar", b".png"):
                    self.assertNotIn(word, data, name)
        pin = [l for l in done.out.splitlines() if l.startswith(b"PIN: ")][0][5:]
        with open(self.path("case"), "rb") as f:
            self.assertNotIn(pin, f.read())

    def test_case_new_refuses(self):
        self.write("flat.png", flat_picture())
        result = self.check(self.run_phash("case", "new", "-o", "case", "--lang", "en", "flat.png"),
                            2, b"")
        self.assertIn(b"flat.png: left out: too plain", result.err)
        self.assertFalse(os.path.exists(self.path("case")))
        self.write("a.png", picture())
        result = self.run_phash("case", "new", "-o", "case", "--lang", "ms", "flat.png", "a.png")
        self.check(result, 0)
        self.assertIn(b"tidak dimasukkan", result.err)
        self.assertIn(b"gambar: 1\n", result.out)
        # Nothing is written over; nothing approximate is taken.
        with open(self.path("case"), "rb") as f:
            before = f.read()
        self.check(self.run_phash("case", "new", "-o", "case", "a.png"), 2, b"")
        with open(self.path("case"), "rb") as f:
            self.assertEqual(f.read(), before)
        self.check(self.run_phash("case", "new", "-o", "d", "--profile", "fast", "a.png"), 2, b"")
        self.check(self.run_phash("case", "new", "-o", "d", "none.png"), 2, b"")

    def test_seal_and_open(self):
        self.write("a.png", picture())
        self.new_case("plain", "a.png")
        self.ok("keygen", "-o", "k")
        self.ok("keygen", "-o", "other")
        self.assertEqual(os.stat(self.path("k.key")).st_mode & 0o777, 0o600)
        self.assertEqual(self.ok("keygen", "--fingerprint", "k.pub"),
                         self.ok("keygen", "--fingerprint", "k.key"))
        self.check(self.run_phash("keygen", "-o", "k"), 2, b"")
        self.ok("case", "seal", "--to", "k.pub", "-o", "sealed", "plain")
        self.ok("case", "open", "--key", "k.key", "-o", "opened", "sealed")
        with open(self.path("plain"), "rb") as a, open(self.path("opened"), "rb") as b:
            self.assertEqual(a.read(), b.read())
        self.assertIn(b"images: 1\n", self.ok("case", "show", "--key", "k.key", "sealed"))
        self.check(self.run_phash("case", "open", "--key", "other.key", "-o", "x", "sealed"), 2, b"")
        self.check(self.run_phash("case", "seal", "--to", "k.key", "-o", "x", "plain"), 2, b"")
        self.check(self.run_phash("case", "show", "sealed"), 2, b"",
                   b"phash: sealed: sealed: a secret key is needed to open it\n")
        self.assertFalse(os.path.exists(self.path("x")))

    def test_guide_speaks_both_languages(self):
        english = self.ok("guide", "--lang", "en")
        malay = self.ok("guide", "--lang", "ms")
        for text in (english, malay):
            for word in (b"999", b"15999", b"383", b"stopncii.org", b"takeitdown.ncmec.org", b"MCMC",
                         b"PIN", b"'phash scan'"):
                self.assertIn(word, text)
            self.assertNotIn(b"phash match", text)
            self.assertLess(max(len(line) for line in text.decode().splitlines()), 100)
        self.assertIn(b"not your fault", english)
        self.assertIn(b"bukan salah anda", malay)
        for locale, text in (("ms_MY.UTF-8", malay), ("en_GB.UTF-8", english), ("msn", english)):
            self.assertEqual(self.run_phash("guide", env=dict(os.environ, LC_ALL=locale)).out, text)
        self.check(self.run_phash("guide", "--lang", "xx"), 2, b"")

    def test_hostile_imports(self):
        self.ok("bank", "init", "b.db")
        for data in (b"[" * 100000, b'{"a":' * 100000, b"\xff\xfe", b"{" + b" " * 1000000,
                     b'{"hashRecords":[{"hashValue":"a"}', b"\x00" * 5000, b'{"format":"phash-case"}',
                     b"\x89PNG\r\n\x1a\n" + b"x" * 1000):
            self.write("evil", data)
            result = self.check(self.run_phash("bank", "import", "b.db", "evil"), 2, b"")
            self.assertLess(len(result.err), 1000)
        self.assertEqual(json.loads(self.ok("bank", "info", "--json", "b.db"))["signals"], 0)
        self.check(self.run_phash("bank", "import", "none.db", "evil"), 2, b"")
        self.check(self.run_phash("bank", "info", "evil"), 2, b"")


if __name__ == "__main__":
    main()
