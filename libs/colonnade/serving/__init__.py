"""Engines as replicas of a Ray Serve application.

Ray decides where engines run, how many there are, and starts another one where one is lost. It never sees a
request: an engine is a child process of its replica, registers itself with the inference service by lease,
and streams to it over gRPC like any other engine (``docs/adr/0016``). This package alone imports ray.
"""
