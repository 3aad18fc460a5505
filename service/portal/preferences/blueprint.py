"""The blueprint of the preferences."""

from quart import Blueprint

preferences = Blueprint("preferences", "service.portal.preferences", url_prefix="/preferences")
