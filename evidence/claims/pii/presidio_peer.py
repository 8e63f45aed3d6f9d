"""Presidio in an environment of its own: a line of JSON in, a line out. Knows nothing of this project.

In: ``{"text", "entities"}``. Out: ``[[type, start, end, score], ...]``."""

import json
import sys
from importlib import import_module


def main() -> None:
    analyzer = import_module("presidio_analyzer")
    provider = import_module("presidio_analyzer.nlp_engine").NlpEngineProvider
    models = [{"lang_code": "en", "model_name": sys.argv[1]}]
    engine = provider(nlp_configuration={"nlp_engine_name": "spacy", "models": models}).create_engine()
    asked = analyzer.AnalyzerEngine(nlp_engine=engine, supported_languages=["en"])
    for line in sys.stdin:
        wanted = json.loads(line)
        found = asked.analyze(text=wanted["text"], language="en", entities=wanted["entities"])
        told = [[each.entity_type, each.start, each.end, float(each.score)] for each in found]
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
