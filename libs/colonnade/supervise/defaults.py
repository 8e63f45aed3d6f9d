"""What the processes of one machine, their supervisor and the command take for granted of each other."""

GATEWAY_PORT = 8080
CONSOLE_PORT = 8081
METRICS_PORTS = {
    "inference": 9101, "registry": 9102, "engine": 9103, "vllm": 9104, "training": 9105, "memory": 9106,
    "ethics": 9107,
}  # fmt: skip
DRAIN_SECONDS = 30.0
"""How long running calls may take to finish after SIGTERM."""
