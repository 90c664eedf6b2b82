# Thin fronts: what they do is in scripts/ and in `cargo xtask`.

.PHONY: test quick fmt demo bench

# All that CI does: formatting, lints, licences, unit tests, and the tests against real servers,
# which are installed when run as root on Debian.
test:
	@scripts/test

# What needs no server: for every few minutes.
quick:
	@scripts/test --quick

fmt:
	@cargo fmt --all

demo:
	@cargo run --release -- demo

# Ratios to reference programs, see docs/benchmarks.md. QUICK=1: shorter; GOALS="1 2 16": only these.
bench:
	@python3 -B scripts/bench
