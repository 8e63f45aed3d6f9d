"""The gateway: the platform's one HTTP door.

It knows who asks, what fits, which version answers, and in which order all that happens.
"""
