"""From open on loopback to keys required, on a platform of its own."""

from pathlib import Path

from tests.harness.platform import running


def test_a_first_key_closes_the_door(tiny_model: Path) -> None:
    with running("--no-import", COLONNADE_REGISTRY_IMPORT_ROOTS=str(tiny_model.parent)) as platform:
        with platform.client() as http:
            refused = http.post("/keys", json={"name": "app", "roles": ["caller"]})
            assert refused.status_code == 400, "a first key that cannot manage keys would lock its owner out"
            admin = http.post("/keys", json={"name": "root", "roles": ["admin"]}).json()["secret"]
            assert http.get("/models").status_code == 401
        with platform.client(Authorization=f"Bearer {admin}") as http:
            assert http.get("/models").status_code == 200
            made = http.post("/keys", json={"name": "app", "roles": ["caller"]}).json()
        with platform.client(Authorization=f"Bearer {made['secret']}") as http:
            assert http.get("/models").status_code == 200
            assert http.get("/keys").status_code == 403
        with platform.client(Authorization=f"Bearer {admin}") as http:
            assert http.delete(f"/keys/{made['id']}").status_code in {200, 204}
            assert made["secret"] not in http.get("/keys").text
        with platform.client(Authorization=f"Bearer {made['secret']}") as http:
            assert http.get("/models").status_code == 401
