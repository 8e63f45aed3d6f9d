"""What is said of versions: cards and tags, where they came from, what was measured, who sealed them."""

from colonnade.api.registry.v1.catalogue_pb2_grpc import add_CatalogueServiceServicer_to_server
from colonnade.api.registry.v1.evaluations_pb2_grpc import add_EvaluationServiceServicer_to_server
from colonnade.api.registry.v1.lineage_pb2_grpc import add_LineageServiceServicer_to_server
from colonnade.api.registry.v1.seals_pb2_grpc import add_SealServiceServicer_to_server
from colonnade.registry.adapters.key_pair import FileMarker
from colonnade.registry.adapters.sql_catalogue import SqlCatalogueStore
from colonnade.registry.adapters.sql_evaluations import SqlEvaluationStore
from colonnade.registry.adapters.sql_lineage import SqlLineageStore
from colonnade.registry.adapters.sql_seals import SqlSealStore
from colonnade.registry.catalogue.service import Catalogue
from colonnade.registry.evaluations.service import Evaluations
from colonnade.registry.lineage.service import Lineage
from colonnade.registry.seals.service import Seals
from colonnade.registry.servicers.catalogue import FULL_NAME as CATALOGUE
from colonnade.registry.servicers.catalogue import CatalogueServicer
from colonnade.registry.servicers.evaluations import FULL_NAME as EVALUATIONS
from colonnade.registry.servicers.evaluations import EvaluationServicer
from colonnade.registry.servicers.lineage import FULL_NAME as LINEAGE
from colonnade.registry.servicers.lineage import LineageServicer
from colonnade.registry.servicers.seals import FULL_NAME as SEALS
from colonnade.registry.servicers.seals import SealServicer
from colonnade.registry.wiring.ground import Ground
from colonnade.rpc import Server
from colonnade.security.seals import publish
from colonnade.supervise.home import Home


def add_records(ground: Ground, server: Server) -> None:
    database, versions, owners, trail = ground.database, ground.versions, ground.owners, ground.trail
    catalogue = Catalogue(SqlCatalogueStore(database, ground.sealer), owners, trail)
    lineage = Lineage(SqlLineageStore(database), versions, owners, trail)
    evaluations = Evaluations(SqlEvaluationStore(database), versions, owners, trail)
    server.add(add_CatalogueServiceServicer_to_server, CatalogueServicer(catalogue), CATALOGUE)
    server.add(add_LineageServiceServicer_to_server, LineageServicer(lineage), LINEAGE)
    server.add(add_EvaluationServiceServicer_to_server, EvaluationServicer(evaluations), EVALUATIONS)


async def add_seals(ground: Ground, server: Server) -> Seals:
    """Seals what was there before there were seals, and says to the home's engines which key to trust."""
    store = SqlSealStore(ground.database, ground.sealer)
    seals = Seals(store, ground.sealer, ground.trail, ground.owners)
    await seals.adopt(FileMarker(ground.settings.sealed_once))
    publish(ground.sealer.pair, Home(ground.settings.home).trusted_keys)
    server.add(add_SealServiceServicer_to_server, SealServicer(seals), SEALS)
    return seals
