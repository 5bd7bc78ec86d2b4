"""GitHub Actions: workflows as values, the rules they keep, and the YAML that is written of them."""
