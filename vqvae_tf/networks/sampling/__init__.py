"""Parts shared by the cached samplers: controls, noise, gates."""
