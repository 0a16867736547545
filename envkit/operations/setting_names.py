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
        ImportProblem: the class cannot be had; a file that forgot a setting would be worse than none.
    """
    from envkit.operations.importing import settings_class

    return None if deployment.settings is None else names_of(settings_class(deployment.settings))


def names_of(model: type[BaseModel]) -> SettingNames:
    """Every name under which the class looks for a setting, in its order: other names and whole nested models too."""
    from envkit.settings.plan import plan_of
    from envkit.targets.settings import SettingName

    plan = plan_of(model)
    return tuple(
        SettingName(
            name,
            secret=slot.secret or slot.key,
            # Of several names any one will do, and so will the fields of a nested model.
            required=slot.required and not slot.children and len(slot.names) == 1,
            keeps_empty=index in plan.keeping_empty,
        )
        for name, index in plan.by_name.items()
        for slot in (plan.slots[index],)
    )
