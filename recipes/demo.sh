#!/usr/bin/env bash
# From raw text to models that answer: `make demo-train`. On the platform of this machine; where none runs, on one of its own.
set -euo pipefail
say() { printf '\n== %s (%s s)\n' "$1" "$SECONDS"; }

if ! colonnade status >/dev/null 2>&1; then
  say "The platform starts"
  colonnade up --detach
  trap 'colonnade down' EXIT
fi

say "A tokenizer, and a small model of its own, from the plays alone"
colonnade train recipes/shakespeare.yaml
colonnade models show shakespeare
say "It is in production, and answers"
colonnade generate "To be, or" --model shakespeare --max-tokens 60

say "SmolLM2 learns their tone, by an adapter"
colonnade train recipes/smollm2-plays.yaml
say "The same question to SmolLM2, without it and with it"
colonnade generate "To be, or" --model smollm2-135m-instruct --max-tokens 40
colonnade generate "To be, or" --adapter smollm2-plays --max-tokens 40
say "Done"
