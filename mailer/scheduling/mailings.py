"""A digest's mailing as it is before it is saved."""

from datetime import datetime

from mailer.models import Digest, Mailing


def new_mailing(digest: Digest, moment: datetime, zone: str) -> Mailing:
    """For the digest at this moment, by the clocks of the zone, in its template's present version; not saved.

    Raises TemplateVersion.DoesNotExist.
    """
    return Mailing(
        kind=Mailing.Kind.DIGEST,
        digest=digest,
        list=digest.list,
        version=digest.template.version_to_send(),
        scheduled_for=moment,
        time_zone=zone,
    )
