"""vLLM behind the engine's contract: ``python -m colonnade.vllm``, in an environment that has vLLM.

The engine's service, server and texts (``colonnade.engine``) stay what they are; ``core`` and ``host`` stand
where our own core and models stand. ``mapping`` says what is asked in vLLM's words and reads what it answers;
``backend`` alone imports vLLM.
"""
