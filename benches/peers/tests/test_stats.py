import unittest

from peers import stats
from peers.numbers import pretty, target_text, with_unit


class Stats(unittest.TestCase):
    def test_a_ratio_is_taken_round_by_round(self):
        # The machine became twice as slow after the first round, for both.
        self.assertEqual(stats.ratios([100, 50, 50], [200, 100, 100]), [0.5, 0.5, 0.5])
        with self.assertRaises(ValueError):
            stats.ratios([1, 2], [1])

    def test_median_and_spread(self):
        self.assertEqual(stats.median([3, 1, 2]), 2)
        self.assertEqual(stats.median([1, 2, 3, 4]), 2.5)
        self.assertEqual(stats.spread([3, 1, 2]), [1, 3])

    def test_percentile(self):
        hundred = list(range(1, 101))
        self.assertEqual(stats.percentile(hundred, 0.99), 99)
        self.assertEqual(stats.percentile(hundred, 0.5), 50)
        self.assertEqual(stats.percentile([7], 0.99), 7)
        self.assertEqual(stats.percentile([2, 1], 0.99), 2)

    def test_targets(self):
        self.assertIs(stats.meets(0.88, ">= 0.88"), True)
        self.assertIs(stats.meets(0.8799, ">= 0.88"), False)
        self.assertIs(stats.meets(1.26, "<= 1.25"), False)
        self.assertIs(stats.meets(1.25, "<= 1.25"), True)
        self.assertIsNone(stats.meets(None, ">= 1"))
        self.assertIsNone(stats.meets(1.0, None))


class Numbers(unittest.TestCase):
    def test_three_or_four_digits(self):
        self.assertEqual(pretty(123_456.7), "123,500")
        self.assertEqual(pretty(1234.4), "1,234")
        self.assertEqual(pretty(99.96), "100.0")
        self.assertEqual(pretty(512.3), "512")
        self.assertEqual(pretty(0.0123), "0.01")
        self.assertEqual(pretty(0.876, "ratio"), "0.88")
        self.assertEqual(pretty(None), "–")

    def test_units(self):
        self.assertEqual(with_unit(1000, "1/s"), "1,000/s")
        self.assertEqual(with_unit(0.5, "ratio"), "0.50")
        self.assertEqual(with_unit(250, "ns"), "250 ns")
        self.assertEqual(target_text(">= 0.88", "ratio"), "≥ 0.88")
        self.assertEqual(target_text("<= 20", "s"), "≤ 20 s")


if __name__ == "__main__":
    unittest.main()
