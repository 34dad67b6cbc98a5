"""Training by axolotl, which lives in an environment of its own."""
