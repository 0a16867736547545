"""`envkit schema`: what envkit.toml can say, for editors and validators."""
