"""The engine's arithmetic: quantised products, attention over pages, and the small steps between them.

Every operation exists twice. A reference in plain torch says what it means and runs anywhere; a native one
in C++ is built on first use by the machine's own compiler, for its own instructions. Both pass the same
tests, and where no compiler is found the reference serves.
"""
