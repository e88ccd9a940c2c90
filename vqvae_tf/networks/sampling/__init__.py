"""What the cached samplers share: controls, noise, gates."""
