"""The inference engine: continuous batching over any model family, and the one gRPC server around it.

``core`` steps a running batch in its own thread; ``service`` is what asyncio sees of it; ``servicer`` puts it
on the wire. The engine owns queues, memory, random numbers, stop rules and streaming; a family owns its
equations (``colonnade.models.protocol``).
"""
