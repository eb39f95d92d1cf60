"""The page, and the interface behind it: needs the extra ``web``."""

from colorful.errors import MissingExtraError

try:
    import flask  # noqa: F401
except ModuleNotFoundError as error:  # pragma: no cover - the extra is there wherever the tests run
    raise MissingExtraError("web") from error

from colorful.web.app import create_app, create_blueprint
from colorful.web.limits import Limits
from colorful.web.security import behind_proxy

__all__ = ["Limits", "behind_proxy", "create_app", "create_blueprint"]
