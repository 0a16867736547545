"""Rocket 2's twenty settings, under the names that its servers have had for years."""

from __future__ import annotations

import json

from pydantic import Field, field_validator

from envkit import PrivateKey, Secret, Settings
from envkit.settings.types import refused


class RocketSettings(Settings):
    """Fourteen are required; for every one an empty value counts as none."""

    slack_signing_secret: Secret = Field(description="Shows that a request comes from Slack.")
    slack_api_token: Secret = Field(description="Lets Rocket speak in Slack.")
    slack_notification_channel: str = Field(description="Where Rocket says what it did, such as #rocket2.")
    slack_announcement_channel: str = Field(description="Where Rocket announces, such as #general.")
    github_app_id: str = Field(description="The GitHub App's id: digits, but a text.")
    github_org_name: str = Field(description="The organisation whose teams Rocket manages.")
    github_webhook_endpt: str = Field(pattern="^/", description="The path that GitHub's webhook is sent to.")
    github_webhook_secret: Secret = Field(description="Shows that a request comes from GitHub.")
    github_key: PrivateKey = Field(description="The GitHub App's private key; signs users' tokens as well.")
    aws_access_keyid: Secret = Field(description="Of the account with the DynamoDB tables.")
    aws_secret_key: Secret = Field(description="Of the same account.")
    aws_users_table: str = Field(description="The table of users.")
    aws_teams_table: str = Field(description="The table of teams.")
    aws_region: str = Field(description="Such as us-west-2.")

    aws_local: bool = Field(default=False, description="Use DynamoDB-local instead of AWS.")
    github_default_team_name: str = Field(default="all", description="The team that everybody is in.")
    github_admin_team_name: str = Field(default="", description="The team of Rocket's administrators.")
    github_leads_team_name: str = Field(default="", description="The team of team leads.")
    gcp_service_account_credentials: Secret | None = Field(
        default=None, description="Google's JSON document; without it Rocket shares no folders."
    )
    gcp_service_account_subject: str = Field(default="", description="The user in whose name it shares folders.")

    @field_validator("gcp_service_account_credentials")
    @classmethod
    def _is_json(cls, credentials: Secret | None) -> Secret | None:
        """A broken document is told, and does not turn the feature off in silence."""
        if credentials is None or _is_object(credentials.get_secret_value()):
            return credentials
        raise refused("is not a JSON object", "paste Google's file as it is")


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False
