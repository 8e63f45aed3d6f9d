"""A version taught by preferences to do less harm, evaluated, and proposed as a rollout."""
