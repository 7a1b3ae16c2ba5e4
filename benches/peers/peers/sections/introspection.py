"""Asking Curfew about a token, against asking the identity provider that issued it."""

from .. import load, wire
from ..catalogue import IDENTITY
from ..identity import Keycloak, OidcProvider
from ..measuring import FAILURES, Contest, Stage
from ..servers import Curfew

OIDC, KEYCLOAK = IDENTITY


def measure(context, results):
    issuer = context.issuer()
    token = issuer.hot_token
    message = wire.validate_request(token)
    with Stage(context) as stage:
        curfew = stage.start("curfew", lambda: Curfew(context, issuer))
        length = curfew.answer_bytes(token) if curfew else 149

        def hot():
            curfew.answer_bytes(token)
            return load.h2load_grpc(context, curfew, wire.VALIDATE, message, connections=4, streams=16,
                                    answer_bytes=length + 5)

        for name, make in ((OIDC, OidcProvider), (KEYCLOAK, Keycloak)):
            # One at a time: even an idle Keycloak does things now and then.
            with Stage(context) as own:
                provider = own.start(name, lambda: make(context))
                if provider:
                    # Compilers that work while the program runs have seen the path often enough then.
                    warm(context, own, name, provider)
                contest = Contest(context, stage.missing | own.missing).run(
                    {"curfew": hot, name: lambda: provider.introspections(context)})
            results.put(f"hot ValidateToken / introspection at {name}", lambda: contest.ratios("curfew", name))
            results.put(f"introspection at {name}", lambda: contest.samples(name))
            if name == OIDC:
                results.put("hot ValidateToken, 64 in flight", lambda: contest.samples("curfew"))
    results.chart("One token, asked about with 64 in flight", "a second",
                  ("hot ValidateToken, 64 in flight", "ValidateToken"),
                  *((f"introspection at {name}", f"introspection, {name}") for name in IDENTITY))


def warm(context, stage, name, provider):
    try:
        provider.introspections(context, warm_up=10 if context.brief else 60)
    except FAILURES as error:
        stage.fail(name, error)
