"""The names that the settings class of a description declares, for the targets that pass settings on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import BaseModel

    from envkit.deployment.model import Deployment
    from envkit.targets.settings import SettingNames


def setting_names(deployment: Deployment) -> SettingNames | None:
    """The names of the description's class; None where it names none. The app's module is imported.

    Raises:
        CannotImportError: the class cannot be had; a file that forgot a setting would be worse than none.
    """
    from envkit.operations.importing import settings_class

    return None if deployment.settings is None else names_of(settings_class(deployment.settings))


def names_of(model: type[BaseModel]) -> SettingNames:
    """Every name under which the class looks for a setting, in its order: other names and whole nested models too."""
    from envkit.settings.plan import plan_of
    from envkit.targets.settings import SettingName

    plan = plan_of(model)
    fields = {name: [slot for slot in plan.slots if name in slot.names] for name in plan.by_name}
    return tuple(
        SettingName(
            name,
            secret=any(slot.secret or slot.key for slot in slots),
            # Of several names any one will do, and so will a nested model's own name instead of its fields'.
            required=any(slot.required and len(slot.names) == len(slot.path) == 1 for slot in slots)
            and not any(slot.children for slot in slots),
            keeps_empty=plan.by_name[name] in plan.keeping_empty,
        )
        for name, slots in fields.items()
    )
