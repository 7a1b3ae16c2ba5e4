"""python3 -m unittest discover -s benches/peers -t benches/peers, with the benchmarks' own Python."""
