"""What the `memory` experiment is made of: which objects, the process that makes many of them, and who starts
it."""
