"""Measures Curfew against its peers on one machine: `benches/peers/run`."""
