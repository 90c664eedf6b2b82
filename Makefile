# Thin fronts: what they do is in scripts/ and in `cargo xtask`.

.PHONY: test quick fmt demo

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
