"""What the `packages` experiment is made of: finding distributions and their extension modules, loading one
in a process of its own, and saying what came of it.
"""
