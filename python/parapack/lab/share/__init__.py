"""What the experiment `share` compares live objects with, and how it does."""
