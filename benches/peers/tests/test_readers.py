"""What the load generators print, as they printed it."""

import unittest

from peers import wire
from peers.load import read_h2load
from peers.postgres import read_pgbench
from peers.processes import Trouble

H2LOAD = """finished in 1.00s, 1431.00 req/s, 340.30KB/s
requests: 1431 total, 1495 started, 1431 done, 1431 succeeded, 0 failed, 0 errored, 0 timeout
status codes: 1431 2xx, 0 3xx, 0 4xx, 0 5xx
traffic: 340.30KB (348467) total, 51.00KB (52224) headers (space savings 80.00%), 286.48KB (293355) data
"""
PGBENCH = """progress: 1.0 s, 900.0 tps, lat 1.0 ms stddev 0.2, 0 failed
progress: 2.0 s, 1000.0 tps, lat 1.0 ms stddev 0.2, 0 failed
progress: 3.0 s, 1100.0 tps, lat 1.0 ms stddev 0.2, 0 failed
number of transactions actually processed: 3000
number of failed transactions: 0 (0.000%)
tps = 1001.2 (without initial connection time)
"""


class H2load(unittest.TestCase):
    def test_a_good_run(self):
        self.assertEqual(read_h2load(H2LOAD, 205), 1431)

    def test_answers_of_another_length_are_no_good_answers(self):
        # An error in a trailer has no body at all, and h2load is content with it.
        with self.assertRaisesRegex(Trouble, "not all were good"):
            read_h2load(H2LOAD.replace("(293355) data", "(0) data"), 205)

    def test_failures(self):
        for good, bad in (("0 failed", "1 failed"), ("0 timeout", "2 timeout"), ("0 5xx", "9 5xx"),
                          ("1431 succeeded", "0 succeeded")):
            with self.assertRaisesRegex(Trouble, "had failures"):
                read_h2load(H2LOAD.replace(good, bad), 205)
        with self.assertRaisesRegex(Trouble, "not understood"):
            read_h2load("could not resolve")


class Pgbench(unittest.TestCase):
    def test_the_first_second_is_left_out(self):
        self.assertEqual(read_pgbench(PGBENCH), (1050, 3000))

    def test_failures(self):
        with self.assertRaises(Trouble):
            read_pgbench(PGBENCH.replace("transactions: 0 ", "transactions: 7 "))
        with self.assertRaises(Trouble):
            read_pgbench("")


class Wire(unittest.TestCase):
    def test_fields(self):
        message = wire.text_field(1, "x" * 300) + b"\x10\x96\x01" + wire.text_field(20, b"")
        self.assertEqual(wire.fields(message), {1: b"x" * 300, 2: 150, 20: b""})
        self.assertEqual(wire.fields(b""), {})

    def test_a_torn_message(self):
        for torn in (b"\x08", b"\x0a\x05abc", b"\x08\xff"):
            with self.assertRaises(Trouble):
                wire.fields(torn)

    def test_frame(self):
        self.assertEqual(wire.frame(b"abc"), b"\0\0\0\0\3abc")


if __name__ == "__main__":
    unittest.main()
