"""Machines of a Ray cluster, all of them this one: ``machines.py DASHBOARD_PORT``.

Told ``join`` it adds one; ``ray start`` would not, where all of Ray listens on the loopback alone. For each
machine it writes a line with the pid of its raylet. Ends with its standard input.
"""

import sys

from ray.cluster_utils import Cluster

_STORE_BYTES = 80 << 20


def main() -> None:
    dashboard = int(sys.argv[1])
    cluster = Cluster(shutdown_at_exit=True)
    head = {"include_dashboard": True, "dashboard_host": "127.0.0.1", "dashboard_port": dashboard}
    head |= {"dashboard_agent_listen_port": 0}  # any: another cluster may have the usual one
    _add(cluster, **head)
    for line in sys.stdin:
        if line.strip() == "join":
            _add(cluster)
    cluster.shutdown()


def _add(cluster: Cluster, **more: object) -> None:
    """With one processor: room for one worker."""
    node = cluster.add_node(num_cpus=1, object_store_memory=_STORE_BYTES, node_ip_address="127.0.0.1", **more)
    raylet = node.all_processes["raylet"][0].process
    sys.stdout.write(f"{raylet.pid}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
