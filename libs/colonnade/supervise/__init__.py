"""Starts, watches and restarts the platform's processes on one machine, as a kubelet would on a node.

One supervisor a ``COLONNADE_HOME`` (``supervisor.Supervisor``) runs the processes that
``topology.platform`` names, each under a ``watch.Watch``, and answers on one owner-only socket
(``control.ControlServer``; ``remote.Remote`` is its client). It never imports torch: the engine is a child
like the others.
"""
